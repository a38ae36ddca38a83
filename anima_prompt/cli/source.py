"""What an argument means: a prompt text, a file, a folder, or standard input. Every command asks here.

1. ``-`` is standard input.
2. What exists as a file (or is a link) is that file.
3. What exists as a folder is the folder, unless it is one bare word that is a tag: with a folder of that name,
   ``smile`` is still the prompt, and ``smile/`` the folder.
4. What does not exist is a prompt, unless it can only be meant as a path: it begins with ``./``, ``../``, ``~/``, ``/``
   or a drive, is in a folder that exists, is a word with a slash at its end, or ends like a file that we read
   (``.txt``, ``.png``, ``.json`` ...). With a comma or a space, only a path from a root that ends like a file is one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from enum import StrEnum
from glob import glob, has_magic
from pathlib import Path

from anima_prompt.errors import InputError
from anima_prompt.interchange.textfile import read_text, shortened
from anima_prompt.safe_paths import exists, is_file, is_folder, is_link
from anima_prompt.surrogates import reject_surrogates

_WINDOWS = os.name == "nt"
PROMPT_FILES = (".yaml", ".yml", ".json")
_ENDINGS = re.compile(
    r"\.(?:txt|caption|prompt|ya?ml|jsonl?|ndjson|png|webp|jpe?g|jfif|avif|gif|bmp|tiff?|jxl|csv|safetensors|toml)",
    re.IGNORECASE,
)
_ROOTED = re.compile(r"/.*\w.*|(?:\.{1,2}|~[\w-]*|[A-Za-z]:)[/\\].*\w.*")
_FOLDER = re.compile(r"[\w.-]*\w[\w.-]*" + (r"[/\\]" if os.name == "nt" else "/"))
_PROSE = re.compile(r"[,|<>\"]|\s")


class SourceKind(StrEnum):
    """What an argument is."""

    TEXT = "text"
    FILE = "file"
    FOLDER = "folder"
    STDIN = "standard input"


def kind_of(source: str) -> SourceKind:
    """Return what an argument means; a file or folder may be missing, which whoever opens it says."""
    if source == "-":
        return SourceKind.STDIN
    if is_folder(source):
        return SourceKind.TEXT if _is_tag(source) else SourceKind.FOLDER
    if exists(source) or is_link(source):
        return SourceKind.FILE
    is_rooted = _ROOTED.fullmatch(source) is not None
    has_ending = _ENDINGS.fullmatch(Path(source).suffix) is not None
    if _PROSE.search(source):
        return SourceKind.FILE if is_rooted and has_ending else SourceKind.TEXT
    folder = os.path.dirname(source)  # noqa: PTH120  a prompt may not be a possible path
    in_folder = bool(folder) and is_folder(folder)
    is_path = is_rooted or has_ending or in_folder or _FOLDER.fullmatch(source) is not None
    return SourceKind.FILE if is_path else SourceKind.TEXT


def _is_tag(source: str) -> bool:
    """Return whether the name of an existing folder is one bare word that is a tag."""
    if not re.fullmatch(r"[\w'-]+", source):
        return False
    from anima_prompt.vocabulary import Vocabulary

    return Vocabulary.default().lookup(source.lower()) is not None


def files_of(sources: Iterable[str]) -> list[str]:
    """Return sources with the patterns of files expanded, which no shell of Windows does; elsewhere, as they are."""
    return [file for source in sources for file in (_matches(source) if _WINDOWS else [source])]


def _matches(source: str) -> list[str]:
    """Return the files that a pattern such as ``captions/*.txt`` means; the source itself if it means none."""
    if exists(source) or not has_magic(source):
        return [source]
    return sorted(glob(source, recursive=True)) or [source]  # noqa: PTH207  any path, relative or not


def text_of(source: str) -> str:
    """Return the prompt of an argument: standard input, a file, or the argument itself.

    Raises:
        InputError: the file cannot be read, or is not a prompt text.
    """
    kind = kind_of(source)
    if kind is SourceKind.TEXT:
        reject_surrogates(source, "the text")
        return source
    if kind is SourceKind.FOLDER:
        raise InputError(f"{shortened(source)}: is a folder; give a prompt, a text file or -")
    if Path(source).suffix.lower() in PROMPT_FILES and is_file(source):
        raise InputError(f"{source}: is not a prompt text; use 'anima-prompt build {source}'")
    return read_text(source)
