"""What an argument means: a prompt text, a file, or standard input."""

from __future__ import annotations

from pathlib import Path

from anima_prompt.errors import InputError
from anima_prompt.interchange.textfile import read_text

TEXT_FILES = (".txt", ".caption")
PROMPT_FILES = (".yaml", ".yml", ".json")


def text_of(source: str) -> str:
    """Return the prompt that an argument means: standard input, a file if there is one of that name, or itself.

    Raises:
        InputError: the file cannot be read, or a name that can only be a file's does not exist.
    """
    if source == "-":
        return read_text(source)
    if "\n" not in source and len(source) < 1024:
        path = Path(source)
        if path.is_file() or (path.suffix.lower() in (*TEXT_FILES, *PROMPT_FILES) and " " not in source):
            if path.is_file() and path.suffix.lower() in PROMPT_FILES:
                raise InputError(f"{source}: is no prompt text; use 'anima-prompt build {source}'")
            return read_text(source)
    return source
