"""What tags have to do with each other: A brings B, and A excludes B.

Knows ``data/tags/implications.csv`` and ``data/tags/exclusive.yaml``; knows nothing of prompts. Implications are
Danbooru's active ones (2025-05-01) between packed tags; exclusive groups are ours.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from anima_prompt.errors import DataFileError
from anima_prompt.vocabulary.packs import data_folder

IMPLICATIONS = "tags/implications.csv"
EXCLUSIVE = "tags/exclusive.yaml"
_ONE = ("1girl", "1boy", "1other", "solo")
_KEYS = ("name", "tags", "unless", "one_person")


@dataclass(frozen=True, slots=True)
class ExclusiveGroup:
    """Tags of which a picture shows one.

    Attributes:
        name: kebab-case.
        tags: canonical names.
        unless: names that make it possible after all.
        one_person: whether the group counts only for a picture of one person.
    """

    name: str
    tags: tuple[str, ...]
    unless: frozenset[str]
    one_person: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """Tags of one prompt that exclude each other, in the prompt's order."""

    group: str
    tags: tuple[str, ...]


class Relations:
    """Implications and exclusive groups, read-only."""

    def __init__(self, implications: Iterable[tuple[str, str]], groups: Iterable[ExclusiveGroup]) -> None:
        """Hold the relations.

        Raises:
            DataFileError: an implication leads back to where it came from.
        """
        self._implies: dict[str, list[str]] = {}
        self._implied: dict[str, list[str]] = {}
        for name, consequence in implications:
            self._implies.setdefault(name, []).append(consequence)
            self._implied.setdefault(consequence, []).append(name)
        for name in self._implies:
            if name in self.implies(name):
                raise DataFileError(f"{IMPLICATIONS}: '{name}' implies itself by way of others; break the circle")
        self.groups = tuple(groups)

    @classmethod
    def default(cls) -> Relations:
        """Return the relations that come with the library, read once per process."""
        return _default()

    def implies(self, name: str) -> list[str]:
        """Return what a tag brings with it, near consequences first, and theirs.

        >>> Relations.default().implies("absurdly_long_hair")
        ['very_long_hair', 'long_hair']
        """
        return _reach(self._implies, name)

    def implied_by(self, name: str) -> list[str]:
        """Return the tags that bring ``name`` with them, direct ones first.

        >>> Relations.default().implied_by("long_hair")
        ['very_long_hair', 'absurdly_long_hair']
        """
        return _reach(self._implied, name)

    def conflicts(self, names: Iterable[str]) -> list[Conflict]:
        """Return the groups of which the names hold more than one tag without a reason.

        A tag counts for what it implies: ``very_long_hair`` clashes with ``short_hair``. A tag that another one of them
        implies does not count: ``long_hair`` beside ``very_long_hair`` says the same twice.

        >>> Relations.default().conflicts(["1girl", "red_hair", "blue_hair", "from_above"])
        [Conflict(group='hair-colour', tags=('red_hair', 'blue_hair'))]
        >>> Relations.default().conflicts(["1girl", "red_hair", "blue_hair", "multicolored_hair"])
        []
        """
        present = list(dict.fromkeys(names))
        told = {consequence for name in present for consequence in self.implies(name)}
        one_person = not told.isdisjoint(_ONE) or any(name in _ONE for name in present)
        several = sum(name in _ONE[:3] for name in present) > 1
        found = []
        for group in self.groups:
            held = {name: self._stands_for(name, group) for name in present if name not in told}
            tags = tuple(name for name, member in held.items() if member)
            if len({member for member in held.values() if member}) < 2 or not group.unless.isdisjoint(present):
                continue
            if group.one_person and (several or not one_person):
                continue
            found.append(Conflict(group.name, tags))
        return found

    def _stands_for(self, name: str, group: ExclusiveGroup) -> str | None:
        """Return the tag of a group that a name is or brings with it."""
        return next((tag for tag in (name, *self.implies(name)) if tag in group.tags), None)


def read_relations(folder: Path) -> Relations:
    """Read both files.

    Raises:
        DataFileError: a file is missing or malformed, or implications run in a circle.
    """
    from anima_prompt.documents import load_documents

    try:
        with (folder / IMPLICATIONS).open(encoding="utf-8", newline="") as stream:
            header, *rows = list(csv.reader(stream))
        text = (folder / EXCLUSIVE).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataFileError(f"{folder}: relations cannot be read ({error}); reinstall anima-prompt") from error
    if header != ["name", "implies"]:
        raise DataFileError(f"{folder / IMPLICATIONS}:1: header is {header}; expected name,implies")
    groups = []
    (document,) = load_documents(text, EXCLUSIVE)
    for item in document.items("exclusive groups"):
        fields = item.fields("a group", _KEYS)
        tags = tuple(tag.text("a tag") for tag in fields["tags"].items("tags"))
        unless = frozenset(tag.text("a tag") for tag in fields["unless"].items("unless"))
        one = "one_person" in fields and fields["one_person"].boolean("one_person")
        groups.append(ExclusiveGroup(fields["name"].text("name"), tags, unless, one))
    return Relations(((row[0], row[1]) for row in rows), groups)


def _reach(edges: dict[str, list[str]], name: str) -> list[str]:
    """Return everything that edges lead to, breadth first."""
    reached: dict[str, None] = {}
    waiting = list(edges.get(name, ()))
    while waiting:
        current = waiting.pop(0)
        if current not in reached:
            reached[current] = None
            waiting += edges.get(current, ())
    return list(reached)


@cache
def _default() -> Relations:
    return read_relations(data_folder())
