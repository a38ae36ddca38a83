"""Read tag lists in common formats.

Knows formats and their pitfalls: LF and CRLF, quoted fields, missing aliases, lines in another encoding, the category
numbers of Danbooru and e621; knows nothing of stores. All bad rows are reported with their line numbers.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anima_prompt.errors import DataFileError
from anima_prompt.names import text_to_name
from anima_prompt.numbers import counted, parse_count
from anima_prompt.sections import Section
from anima_prompt.vocabulary.packs import Category, Entry

CATEGORIES: dict[str, tuple[Category, Section]] = {
    "0": ("general", Section.GENERAL),
    "1": ("artist", Section.ARTIST),
    "3": ("copyright", Section.SERIES),
    "4": ("character", Section.CHARACTER),
    "5": ("meta", Section.META),
}
"""Danbooru's and Gelbooru's category numbers. e621 uses 0, 1, 3 to 8, lists that merge both shift it by 7."""

_SECTIONS: dict[str, tuple[Category, Section]] = {
    category: (category, section) for category, section in CATEGORIES.values()
}
_E621_SHARE, _E621_ROWS = 0.01, 2
_FALLBACKS = ("gbk", "cp932", "latin-1")


@dataclass(frozen=True, slots=True)
class TagList:
    """Content of a file: entries, bad rows and warnings, both as ``line: reason``.

    ``extra`` counts imported data other than entries: implications, changes.
    """

    entries: tuple[Entry, ...]
    bad_rows: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    extra: str = ""

    @property
    def taken(self) -> str:
        """Imported data, counted."""
        return self.extra or counted(len(self.entries), "tag")


def read_list(path: Path, *, category: str | None = None) -> TagList:
    """Read a tagcomplete CSV (``name,category,count,"aliases"``), or a text file with one name per line.

    Args:
        category: category of all names; needed for a ``.txt`` file, which has no numbers.

    Raises:
        DataFileError: the file cannot be read, numbers its categories like e621, or has an unknown format.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataFileError(f"{path}: {reason}; expected a tag list (.csv or .txt)") from None
    if b"\0" in data:
        raise DataFileError(f"{path}: is a binary file; expected a tag list (.csv or .txt)")
    bad: list[str] = []
    warnings: list[str] = []
    lines = list(_decoded(data, warnings))
    if path.suffix.lower() == ".txt":
        entries = _read_names(path, lines, category, bad)
    elif path.suffix.lower() == ".csv":
        entries = _read_tagcomplete(path, lines, bad)
    else:
        raise DataFileError(f"{path}: ends in '{path.suffix}'; expected a tag list that ends in .csv or .txt")
    if not entries and not bad:
        raise DataFileError(f"{path}: contains no tags; expected lines such as '1girl,0,6945303,\"1girls\"'")
    return TagList(tuple(entries), tuple(bad), tuple(warnings))


def _decoded(data: bytes, warnings: list[str]) -> Iterator[str]:
    """Decode line by line: real lists contain single lines in another encoding."""
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        raw = line.removesuffix(b"\r")
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError:
            encoding, text = next(pair for pair in _attempts(raw) if pair[1] is not None)
            warnings.append(f"{number}: not UTF-8, read as {encoding}")
            yield str(text)


def _attempts(raw: bytes) -> Iterator[tuple[str, str | None]]:
    for encoding in _FALLBACKS:
        try:
            yield encoding, raw.decode(encoding)
        except UnicodeDecodeError:
            yield encoding, None


def _read_names(path: Path, lines: list[str], category: str | None, bad: list[str]) -> list[Entry]:
    if category not in _SECTIONS:
        raise DataFileError(f"{path}: a .txt list needs a category; add --category with one of {', '.join(_SECTIONS)}")
    entries: dict[str, Entry] = {}
    kind, section = _SECTIONS[category]
    for number, line in enumerate(lines, start=1):
        text = line.strip().rstrip(",")
        name = text_to_name(text.removeprefix("@") if kind == "artist" else text)
        if name in entries:
            bad.append(f"{number}: '{name}' is a duplicate")
        elif name and not text.startswith("#"):
            entries[name] = Entry(name, kind, section, curated=False)
    return list(entries.values())


def _read_tagcomplete(path: Path, lines: list[str], bad: list[str]) -> list[Entry]:
    entries: dict[str, Entry] = {}
    foreign = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = next(csv.reader([line]))
        except csv.Error as error:
            bad.append(f"{number}: is not a CSV ({error})")
            continue
        problem = _problem(row, number)
        if problem is None and row[0] in entries:
            problem = f"'{row[0]}' is a duplicate"
        if problem is not None:
            foreign += len(row) > 1 and row[1].isdecimal() and row[1] not in CATEGORIES
            bad.append(f"{number}: {problem}")
        elif row[0] != "name":
            kind, section = CATEGORIES[row[1]]
            aliases = tuple(a.strip() for a in row[3].split(",") if a.strip()) if len(row) > 3 else ()
            entries[row[0]] = Entry(row[0], kind, section, int(row[2]), aliases, curated=False)
    if foreign >= _E621_ROWS and foreign > _E621_SHARE * (len(entries) + foreign):
        raise DataFileError(
            f"{path}: {foreign} rows have category numbers of e621; expected a Danbooru or Gelbooru list"
        )
    return list(entries.values())


def _problem(row: list[str], number: int) -> str | None:
    if number == 1 and row[:2] == ["name", "category"]:
        return None
    if not 3 <= len(row) <= 4:
        return f"{counted(len(row), 'field')}; expected name,category,count,aliases"
    if not row[0] or any(char.isspace() for char in row[0]):
        return f"name is '{row[0]}'; expected underscores, no spaces"
    if row[1] not in CATEGORIES:
        return f"category is '{row[1]}'; expected one of {', '.join(CATEGORIES)}"
    if parse_count(row[2]) is None:
        return f"count is '{row[2][:40]}'; expected a whole number"
    return None
