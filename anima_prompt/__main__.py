"""``python -m anima_prompt``."""

from anima_prompt.cli import main

if __name__ == "__main__":
    main()
