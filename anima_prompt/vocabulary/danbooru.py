"""Read tag lists in the formats of the Danbooru API and related sites: JSON, JSON lines, tab-separated tables.

Knows the documented fields of tags, aliases and artists; knows nothing of stores. gzip is decompressed.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from anima_prompt.errors import DataFileError
from anima_prompt.numbers import parse_count
from anima_prompt.sections import Section
from anima_prompt.surrogates import has_surrogate
from anima_prompt.vocabulary.lists import CATEGORIES, TagList
from anima_prompt.vocabulary.packs import Entry

_ENDS = ("antecedent_name", "consequent_name")
_UNREADABLE = (OSError, UnicodeDecodeError, EOFError, zlib.error, csv.Error)
ENDINGS = (".json", ".jsonl", ".ndjson", ".tsv", ".json.gz", ".jsonl.gz", ".ndjson.gz", ".tsv.gz")


def is_dump(path: Path) -> bool:
    """Return whether this module reads files of that name."""
    return path.name.lower().endswith(ENDINGS)


def read_dump(path: Path, known: Mapping[str, Entry]) -> TagList:
    """Return the tags of a dump.

    Args:
        path: JSON (a list, or one object per line) with tags, aliases or artists, or a tab-separated table: the style
            explorer's list of artists, or name, category number, post count, deprecated.
        known: entries by name, to which aliases are added.

    Raises:
        DataFileError: the file cannot be read, or contains other data.
    """
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            if ".tsv" in path.name.lower():
                return _from_table(path, file)
            return _from_objects(path, list(_objects(path, file)), known)
    except _UNREADABLE as error:
        raise DataFileError(f"{path}: cannot be read ({error}); expected a tag list") from None


def is_implications(path: Path) -> bool:
    """Return whether a dump contains implications, by its name: their objects have the same form as aliases."""
    return is_dump(path) and "implication" in path.name.lower()


def read_implications(path: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the active implications of a dump as pairs (name, implied name), and its bad rows.

    Args:
        path: JSON of the Danbooru API (``antecedent_name``, ``consequent_name``, ``status``), or a tab-separated table
            of antecedent, consequent and status.

    Raises:
        DataFileError: the file cannot be read.
    """
    pairs: dict[tuple[str, str], None] = {}
    bad = []
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            rows = _cells(file) if ".tsv" in path.name.lower() else _objects(path, file)
            for number, item in rows:
                if not isinstance(item, dict) or not all(_is_name(str(item.get(key, ""))) for key in _ENDS):
                    bad.append(f"{number}: is not an implication")
                elif item.get("status", "active") == "active":
                    pairs[str(item["antecedent_name"]), str(item["consequent_name"])] = None
    except _UNREADABLE as error:
        raise DataFileError(f"{path}: cannot be read ({error}); expected implications") from None
    return list(pairs), bad


def _cells(file: Iterable[str]) -> Iterator[tuple[int, Any]]:
    """Yield the rows of a table of implications in the format of the API."""
    for number, row in enumerate(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE), start=1):
        if number == 1 and row[:1] == ["antecedent"]:
            continue
        keys = ("antecedent_name", "consequent_name", "status")
        yield number, dict(zip(keys, row, strict=False)) if len(row) >= 2 and all(row[:2]) else None


def _objects(path: Path, file: Iterable[str]) -> Iterator[tuple[int, Any]]:
    """Yield objects with their line number, or with their index in the list."""
    lines = iter(file)
    first = next(lines, "")
    if first.lstrip().startswith("["):
        try:
            yield from enumerate(json.loads("".join((first, *lines))), start=1)
        except (ValueError, RecursionError) as error:
            raise DataFileError(f"{path}: is not JSON ({error}); fetch it again") from None
        return
    for number, line in enumerate((first, *lines), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                yield number, None


def _from_objects(path: Path, objects: list[tuple[int, Any]], known: Mapping[str, Entry]) -> TagList:
    if not objects:
        raise DataFileError(f"{path}: is empty; expected tags, aliases or artists of the Danbooru API")
    sample = next((item for _, item in objects if isinstance(item, dict)), {})
    if "antecedent_name" in sample:
        return _aliases(objects, known)
    if "post_count" in sample:
        return _collected(objects, _tag)
    if "other_names" in sample:
        return _collected(objects, _artist)
    keys = ", ".join(list(sample)[:6]) or "no objects"
    raise DataFileError(
        f"{path}: has {keys}; expected tags (name, post_count, category), aliases or artists of the Danbooru API"
    )


def _collected(objects: list[tuple[int, Any]], read: Any) -> TagList:
    entries: dict[str, Entry] = {}
    bad = []
    for number, item in objects:
        try:
            entry = read(item)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            reason = str(error) if isinstance(error, ValueError) else repr(error)
            bad.append(f"{number}: is not an object of the same kind ({reason})")
            continue
        if entry is not None:
            entries[entry.name] = entry
    return TagList(tuple(entries.values()), tuple(bad))


def _tag(item: Mapping[str, Any]) -> Entry | None:
    """Return a tag, or None if it is deprecated or has no posts."""
    count = parse_count(str(item["post_count"]))
    if count is None:
        raise ValueError(f"post_count is {str(item['post_count'])[:40]}; expected a whole number")
    if item.get("is_deprecated") or not count:
        return None
    category, section = CATEGORIES[str(item["category"])]
    return Entry(_name(item["name"]), category, section, count, curated=False)


def _artist(item: Mapping[str, Any]) -> Entry | None:
    if item.get("is_deleted") or item.get("is_banned"):
        return None
    names = item.get("other_names") or []
    other_names = names.split() if isinstance(names, str) else names
    aliases = tuple(name for name in map(str, other_names) if _is_name(name) and "," not in name)
    return Entry(_name(item["name"]), "artist", Section.ARTIST, 0, aliases, curated=False)


def _name(name: Any) -> str:
    if not isinstance(name, str) or not _is_name(name):
        raise ValueError(f"name is {name!r}")
    return name


def _is_name(text: str) -> bool:
    """Return whether a text can be a name: no whitespace, and no lone surrogate, which cannot be written to a file."""
    return bool(text) and not has_surrogate(text) and not any(map(str.isspace, text))


def _aliases(objects: list[tuple[int, Any]], known: Mapping[str, Entry]) -> TagList:
    """Return the known entries with more aliases; an alias that is also a live tag is skipped."""
    from dataclasses import replace

    entries: dict[str, Entry] = {}
    bad, warnings = [], []
    for number, item in objects:
        if not isinstance(item, dict) or not set(_ENDS) <= set(item):
            bad.append(f"{number}: is not an alias")
            continue
        alias, name = str(item["antecedent_name"]), str(item["consequent_name"])
        if item.get("status", "active") != "active" or name not in known:
            continue
        if not _is_name(alias):
            bad.append(f"{number}: alias is {alias!r}")
            continue
        if alias in known:
            warnings.append(f"{number}: '{alias}' is also a tag; the alias is skipped")
            continue
        entry = entries.get(name, known[name])
        entries[name] = replace(entry, aliases=tuple(dict.fromkeys((*entry.aliases, alias))), curated=False)
    return TagList(tuple(entries.values()), tuple(bad), tuple(warnings))


def _from_table(path: Path, file: Iterable[str]) -> TagList:
    entries: dict[str, Entry] = {}
    bad: list[str] = []
    rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    explorer = False
    for number, row in enumerate(rows, start=1):
        if number == 1 and row and row[0].startswith("name"):
            explorer = "works" in row
            continue
        problem = _row(row, entries, explorer=explorer)
        if problem:
            bad.append(f"{number}: {problem}")
    if not entries:
        raise DataFileError(
            f"{path}: contains no tags; expected name, category number, post count, or the style explorer's list"
        )
    return TagList(tuple(entries.values()), tuple(bad))


def _row(row: list[str], entries: dict[str, Entry], *, explorer: bool) -> str:
    """Add the tag of a row; return the fault of the row, or ""."""
    if explorer:
        works = parse_count(row[1]) if len(row) >= 2 else None
        if works is None:
            return "expected a name and its works"
        name = row[0].strip().removeprefix("@").replace(" ", "_")
        last = parse_count(row[-1])
        entries[name] = Entry(name, "artist", Section.ARTIST, works if last is None else last, curated=False)
        return ""
    count = parse_count(row[2]) if len(row) >= 3 else None
    if count is None or row[1] not in CATEGORIES:
        return "expected name, category number, post count"
    if len(row) > 3 and row[3] == "1":
        return ""  # deprecated
    category, section = CATEGORIES[row[1]]
    if row[0] and not any(char.isspace() for char in row[0]) and count:
        entries[row[0]] = Entry(row[0], category, section, count, curated=False)
    return ""
