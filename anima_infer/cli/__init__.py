"""The program ``anima-infer``."""

from anima_infer.cli.main import main

__all__ = ["main"]
