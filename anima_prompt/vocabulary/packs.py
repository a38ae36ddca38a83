"""Read and check the curated packs in ``data/``.

Knows the files, their columns and valid values; knows nothing of prompts. All bad rows of a file are reported
together. ``data/README.md`` describes the columns.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from anima_prompt.errors import DataFileError
from anima_prompt.numbers import counted
from anima_prompt.sections import Section

Category: TypeAlias = Literal["general", "artist", "copyright", "character", "meta", "closed"]

_NAME = re.compile(r"[^\sA-Z,]+")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Entry:
    """Vocabulary entry of a name.

    Attributes:
        name: canonical name.
        category: Danbooru's category, or ``closed`` for the model's own words (quality, safety, years).
        section: section of the tag in a prompt.
        post_count: Danbooru posts with the tag (2025-09-24), 0 if the site has no such tag.
        aliases: other names of the same tag.
        group: path of the semantic group (``hair/length``), or empty.
        series: name of the series that a character belongs to.
        count: count tag of a character (``1girl``).
        looks: tags of a character's usual appearance: hair, eyes, signature items.
        write: for a tag of other models, the trained tag to write instead.
        recognized: for an artist, whether the model was measured to know the style.
        curated: whether the entry is in the curated packs, not only in an imported list.
        style: for a well-known artist, medium, line and palette in a few words.
        spelling: for an artist, the name under which the model was measured to know the style, if Danbooru has renamed
            the artist.
        other_names: names in Japanese, Chinese and Korean, for search; they are not aliases.
    """

    name: str
    category: Category
    section: Section
    post_count: int = 0
    aliases: tuple[str, ...] = ()
    group: str = ""
    series: str = ""
    count: str = ""
    looks: tuple[str, ...] = ()
    write: str = ""
    recognized: bool = False
    curated: bool = True
    style: str = ""
    other_names: tuple[str, ...] = ()
    spelling: str = ""

    @property
    def trained(self) -> str:
        """The name to write in a prompt: the spelling that the model knows."""
        return self.spelling or self.name


@dataclass(frozen=True, slots=True)
class Pack:
    """A file: its path under ``data/``, its columns, and the function that converts a row to an entry."""

    path: str
    columns: tuple[str, ...]
    entry: Callable[[dict[str, str]], Entry]
    allowed: tuple[tuple[str, tuple[str, ...]], ...] = ()


def data_folder() -> Path:
    """Return the folder that contains ``tags/`` and ``artists/``: in the installed package, or in the source tree."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "data"
    return installed if installed.is_dir() else package.parent / "data"


def read_pack(pack: Pack, folder: Path) -> list[Entry]:
    """Return the entries of one pack, in file order.

    Raises:
        DataFileError: the file is missing or rows break the schema; the message lists all of them.
    """
    path = folder / pack.path
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(f"{path}: cannot be read ({error}); reinstall anima-prompt") from error
    errors = list(_errors(pack, rows))
    if errors:
        raise DataFileError("\n".join(f"{path}:{line}: {message}" for line, message in errors))
    return [pack.entry(dict(zip(pack.columns, row, strict=True))) for row in rows[1:]]


OTHER_NAMES = "tags/other_names.csv"


def other_names(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return the names in other scripts by canonical name.

    Raises:
        DataFileError: the file is missing or has bad rows; the message lists all of them.
    """
    return {name: _split(names) for name, names in read_pairs(folder / OTHER_NAMES, ("name", "names"))}


def read_pairs(path: Path, header: tuple[str, str], *, hint: str = "reinstall anima-prompt") -> list[tuple[str, str]]:
    """Return the rows of a CSV file with two non-empty columns.

    Raises:
        DataFileError: the file cannot be read, or has another header or other rows; the message lists all bad rows.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))
    except (OSError, ValueError) as error:
        raise DataFileError(f"{path}: cannot be read ({error}); {hint}") from error
    if not rows or tuple(rows[0]) != header:
        actual = ",".join(rows[0]) if rows else "missing"
        raise DataFileError(f"{path}:1: header is {actual}; expected {','.join(header)}; {hint}")
    bad = [line for line, row in enumerate(rows, 1) if len(row) != 2 or not all(row)]
    if bad:
        raise DataFileError("\n".join(f"{path}:{line}: expected {' and '.join(header)}" for line in bad))
    return [(first, second) for first, second in rows[1:]]


def read_packs(folder: Path) -> Iterator[Entry]:
    """Yield the entries of all packs, with their names in other scripts; later packs win.

    Raises:
        DataFileError: a pack is missing or has bad rows.
    """
    names_elsewhere = other_names(folder)
    for pack in PACKS:
        for entry in read_pack(pack, folder):
            yield replace(entry, other_names=names_elsewhere[entry.name]) if entry.name in names_elsewhere else entry


def _errors(pack: Pack, rows: list[list[str]]) -> Iterator[tuple[int, str]]:
    if not rows or tuple(rows[0]) != pack.columns:
        yield 1, f"header is {rows[0] if rows else 'missing'}; expected {','.join(pack.columns)}"
        return
    allowed = dict(pack.allowed)
    previous = ""
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != len(pack.columns):
            yield line, f"{counted(len(row), 'field')}; expected {len(pack.columns)}"
            continue
        record = dict(zip(pack.columns, row, strict=True))
        name = record["name"]
        if not _NAME.fullmatch(name):
            yield line, f"name is '{name}'; expected lower case without spaces and commas"
        if name <= previous:
            yield line, f"name '{name}' is a duplicate or out of order after '{previous}'; sort the rows by name"
        previous = name
        for column, value in record.items():
            if column == "post_count" and not _DIGITS.fullmatch(value):
                yield line, f"post_count is '{value}'; expected a whole number"
            if column in allowed and value not in allowed[column]:
                yield line, f"{column} is '{value}'; expected one of {', '.join(map(repr, allowed[column]))}"


def _split(value: str) -> tuple[str, ...]:
    return tuple(value.split("|")) if value else ()


def _general(row: dict[str, str]) -> Entry:
    return Entry(
        row["name"], "general", Section.GENERAL, int(row["post_count"]), _split(row["aliases"]), group=row["group"]
    )


def _meta(row: dict[str, str]) -> Entry:
    group = "meta/visual" if row["visual"] else "meta/control"
    return Entry(row["name"], "meta", Section.META, int(row["post_count"]), _split(row["aliases"]), group=group)


def _series(row: dict[str, str]) -> Entry:
    return Entry(row["name"], "copyright", Section.SERIES, int(row["post_count"]), _split(row["aliases"]))


def _character(row: dict[str, str]) -> Entry:
    return Entry(
        row["name"],
        "character",
        Section.CHARACTER,
        int(row["post_count"]),
        _split(row["aliases"]),
        series=row["series"],
        count=row["count"],
        looks=_split(row["looks"]),
    )


def _artist(row: dict[str, str]) -> Entry:
    return Entry(
        row["name"],
        "artist",
        Section.ARTIST,
        int(row["post_count"]),
        _split(row["aliases"]),
        recognized=row["recognized"] == "yes",
        spelling=row["spelling"],
        style=row["style"],
    )


def _quality(row: dict[str, str]) -> Entry:
    return Entry(row["name"], "closed", Section.QUALITY, group=f"quality/{row['ladder']}", write=row["write"])


def _safety(row: dict[str, str]) -> Entry:
    return Entry(row["name"], "closed", Section.SAFETY, group=f"safety/{row['origin']}", write=row["write"])


def _year(row: dict[str, str]) -> Entry:
    return Entry(row["name"], "closed", Section.YEAR, group=f"year/{row['kind']}", write=row["write"])


def _count(row: dict[str, str]) -> Entry:
    group = f"count/{row['kind']}"
    return Entry(row["name"], "general", Section.COUNT, int(row["post_count"]), _split(row["aliases"]), group=group)


PACKS: tuple[Pack, ...] = (
    Pack("tags/general.csv", ("name", "group", "post_count", "aliases"), _general),
    Pack(
        "artists/artists.csv",
        ("name", "post_count", "recognized", "spelling", "aliases", "style"),
        _artist,
        (("recognized", ("yes", "")),),
    ),
    Pack("tags/characters.csv", ("name", "series", "count", "looks", "post_count", "aliases"), _character),
    Pack("tags/series.csv", ("name", "post_count", "aliases"), _series),
    Pack("tags/meta.csv", ("name", "visual", "post_count", "aliases"), _meta, (("visual", ("yes", "")),)),
    Pack(
        "tags/count.csv",
        ("name", "kind", "people", "post_count", "aliases"),
        _count,
        (("kind", ("girl", "boy", "other", "none")),),
    ),
    Pack("tags/year.csv", ("name", "kind", "write"), _year, (("kind", ("year", "period", "foreign")),)),
    Pack("tags/safety.csv", ("name", "origin", "write"), _safety, (("origin", ("card", "foreign")),)),
    Pack(
        "tags/quality.csv",
        ("name", "ladder", "rank", "write"),
        _quality,
        (("ladder", ("human", "aesthetic", "foreign")),),
    ),
)
"""All packs. If two packs have the same name, the later pack wins: the model's own tags before Danbooru's."""
