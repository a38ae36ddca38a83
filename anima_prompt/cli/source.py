"""Read an argument that is a prompt text, a file, or - for standard input."""

from __future__ import annotations

import os
from pathlib import Path

from anima_prompt.errors import InputError
from anima_prompt.interchange.textfile import read_text
from anima_prompt.safe_paths import exists, is_file, is_folder, is_link
from anima_prompt.surrogates import reject_surrogates

TEXT_FILES = (".txt", ".caption")
PROMPT_FILES = (".yaml", ".yml", ".json")


def looks_like_text(source: str) -> bool:
    """Return whether an argument is a prompt, not a file: no such file exists, and it is unlike a file name."""
    if source == "-" or exists(source) or is_link(source):
        return False
    name_like = " " not in source and ("." in Path(source).suffix or "/" in source or os.sep in source)
    return not name_like or "," in source


def text_of(source: str) -> str:
    """Return the prompt of an argument: standard input, an existing file, or the argument itself.

    Raises:
        InputError: the file cannot be read, the text is not UTF-8, or a file name does not exist.
    """
    if source == "-":
        return read_text(source)
    ending = Path(source).suffix.lower()
    looks_like_file = ending in (*TEXT_FILES, *PROMPT_FILES) and " " not in source
    if not (looks_like_file or is_link(source) or (exists(source) and not is_folder(source))):
        reject_surrogates(source, "the text")
        return source
    if ending in PROMPT_FILES and is_file(source):
        raise InputError(f"{source}: is not a prompt text; use 'anima-prompt build {source}'")
    return read_text(source)
