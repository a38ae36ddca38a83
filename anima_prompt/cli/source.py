"""What an argument means: a prompt text, a file, or standard input."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from glob import glob, has_magic
from pathlib import Path

from anima_prompt.errors import InputError
from anima_prompt.interchange.textfile import read_text
from anima_prompt.safe_paths import exists, is_file, is_folder, is_link
from anima_prompt.surrogates import reject_surrogates

SEPARATORS = {"/": r"/", "\\": r"/|\\(?![()\[\]{}<>\\])"}
"""What separates folders, by system; on Windows a backslash, but not the one of ``fern_\\(sousou_no_frieren\\)``."""
_SEPARATOR = re.compile(SEPARATORS[os.sep])

_WINDOWS = os.name == "nt"
TEXT_FILES = (".txt", ".caption")
PROMPT_FILES = (".yaml", ".yml", ".json")


def looks_like_text(source: str) -> bool:
    """Say whether an argument is a prompt and no file: nothing of that name exists, and no file would be called so."""
    if source == "-" or exists(source) or is_link(source):
        return False
    name_like = " " not in source and ("." in Path(source).suffix or _SEPARATOR.search(source) is not None)
    return not name_like or "," in source


def files_of(sources: Iterable[str]) -> list[str]:
    """Return sources with the patterns of files expanded, which no shell of Windows does; elsewhere, as they are."""
    return [file for source in sources for file in (_matches(source) if _WINDOWS else [source])]


def _matches(source: str) -> list[str]:
    """Return the files that a pattern such as ``captions/*.txt`` means; the source itself if it means none."""
    if exists(source) or not has_magic(source):
        return [source]
    return sorted(glob(source, recursive=True)) or [source]  # noqa: PTH207  any path, relative or not


def text_of(source: str) -> str:
    """Return the prompt that an argument means: standard input, a file if there is one of that name, or itself.

    Raises:
        InputError: the file cannot be read, the text is not UTF-8, or a name that can only be a file's does not exist.
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
