"""The command line ``anima-prompt``."""

from anima_prompt.cli.main import main

__all__ = ["main"]
