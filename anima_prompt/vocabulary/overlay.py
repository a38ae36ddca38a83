"""A user's own changes to the vocabulary, as a CSV file: add, rename, hide, alias.

Columns ``name,action,value,category,post_count,aliases``; those behind ``action`` may be left out. Overlays are applied
last, by name of their files, so that they win over packs and imports.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from anima_prompt.errors import DataFileError
from anima_prompt.names import text_to_name
from anima_prompt.numbers import parse_count
from anima_prompt.sections import Section
from anima_prompt.vocabulary.packs import Category, Entry

ACTIONS = ("add", "rename", "hide", "alias")
COLUMNS = ("name", "action", "value", "category", "post_count", "aliases")
_CATEGORIES: dict[str, tuple[Category, Section]] = {
    "": ("general", Section.GENERAL),
    "general": ("general", Section.GENERAL),
    "artist": ("artist", Section.ARTIST),
    "copyright": ("copyright", Section.SERIES),
    "character": ("character", Section.CHARACTER),
    "meta": ("meta", Section.META),
}


@dataclass(frozen=True, slots=True)
class TagChange:
    """One line: what is done to a name."""

    name: str
    action: str
    value: str = ""
    category: str = ""
    post_count: int = 0
    aliases: tuple[str, ...] = ()


def is_overlay(path: Path) -> bool:
    """Say whether a file begins with the overlay's header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return file.readline().strip().lower().split(",")[:2] == ["name", "action"]
    except (OSError, UnicodeDecodeError):
        return False


def read_overlay(path: Path) -> list[TagChange]:
    """Return the changes in a file.

    Raises:
        DataFileError: it cannot be read, or has bad lines; all of them are named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataFileError(
            f"{path}: cannot be read ({error}); give a UTF-8 CSV with the columns {','.join(COLUMNS)}"
        ) from None
    changes, bad = [], []
    for number, row in enumerate(rows, start=2):
        given = {key: (row.get(key) or "").strip() for key in COLUMNS}
        problem = _problem(row, given)
        if problem:
            bad.append(f"{path}:{number}: {problem}")
        else:
            aliases = tuple(text_to_name(alias) for alias in given["aliases"].split("|") if alias.strip())
            value = text_to_name(given["value"])
            count = int(given["post_count"] or 0)
            changes.append(
                TagChange(text_to_name(given["name"]), given["action"], value, given["category"], count, aliases)
            )
    if bad:
        raise DataFileError("\n".join(bad))
    return changes


def _problem(row: Mapping[str, object], given: Mapping[str, str]) -> str:
    unknown = [key for key in row if key not in COLUMNS]
    if unknown:
        return f"column '{unknown[0]}' is unknown; expected {', '.join(COLUMNS)}"
    if not given["name"]:
        return "name is empty; write the tag"
    if given["action"] not in ACTIONS:
        return f"action is '{given['action']}'; expected one of {', '.join(ACTIONS)}"
    if given["action"] in ("rename", "alias") and not given["value"]:
        return f"{given['action']} has no value; write the other name"
    if given["category"] not in _CATEGORIES:
        return f"category is '{given['category']}'; expected one of {', '.join(key for key in _CATEGORIES if key)}"
    if given["post_count"] and parse_count(given["post_count"]) is None:
        return f"post_count is '{given['post_count'][:40]}'; expected a whole number"
    return ""


def apply(changes: list[TagChange], entries: dict[str, Entry]) -> None:
    """Make changes to entries by name, in order; a name that is not there is left out."""
    for change in changes:
        entry = entries.get(change.name)
        if change.action == "add":
            category, section = _CATEGORIES[change.category]
            entries[change.name] = Entry(
                change.name, category, section, change.post_count, change.aliases, curated=True
            )
        elif entry is None:
            continue
        elif change.action == "hide":
            del entries[change.name]
        elif change.action == "rename":
            del entries[change.name]
            entries[change.value] = replace(entry, name=change.value, aliases=(*entry.aliases, change.name))
        else:
            entries[change.name] = replace(entry, aliases=(*entry.aliases, change.value))
