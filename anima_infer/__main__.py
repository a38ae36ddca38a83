"""``python -m anima_infer``."""

from anima_infer.cli import main

main()
