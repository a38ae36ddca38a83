"""What tags have to do with each other: A brings B, and A excludes B.

Knows ``implications.csv``, ``exclusive.yaml`` and ``negations.csv`` in ``data/tags``, and implications that the user
imported; knows nothing of prompts. Implications are Danbooru's active ones (2025-05-01) between packed tags; exclusive
groups and negations are ours.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from anima_prompt.errors import DataFileError
from anima_prompt.vocabulary.packs import data_folder, read_pairs

IMPLICATIONS = "tags/implications.csv"
EXCLUSIVE = "tags/exclusive.yaml"
NEGATIONS = "tags/negations.csv"
_ONE = ("1girl", "1boy", "1other", "solo")
_KEYS = ("name", "rate", "tags", "unless", "one_person")
_CERTAIN = 0.02
_VIEWS = frozenset(("multiple_views",))
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class ExclusiveGroup:
    """Tags of which a picture shows one.

    Attributes:
        name: kebab-case.
        tags: canonical names.
        unless: names that make it possible after all.
        one_person: whether the group counts only for a picture of one person.
        rate: largest share of the rarer tag's pictures that have another tag of the group too (Danbooru, 2025-09-24).
    """

    name: str
    tags: tuple[str, ...]
    unless: frozenset[str]
    one_person: bool = False
    rate: float = 0.0

    @property
    def certain(self) -> bool:
        """Whether tags of the group hardly ever meet: on fewer than one picture in fifty."""
        return self.rate < _CERTAIN


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
        self._reached: dict[str, tuple[str, ...]] = {}
        self._held: dict[str, tuple[tuple[int, str], ...]] = {}
        self._implies: dict[str, list[str]] = {}
        self._implied: dict[str, list[str]] = {}
        for name, consequence in implications:
            self._implies.setdefault(name, []).append(consequence)
            self._implied.setdefault(consequence, []).append(name)
        for name in self._implies:
            if name in self.implies(name):
                raise DataFileError(f"implications: '{name}' implies itself by way of others; break the circle")
        self.groups = tuple(groups)
        self._groups_of: dict[str, list[int]] = {}
        for index, group in enumerate(self.groups):
            for tag in group.tags:
                self._groups_of.setdefault(tag, []).append(index)

    @classmethod
    def default(cls) -> Relations:
        """Return the relations that come with the library, read once per process."""
        return _default()

    def implies(self, name: str) -> list[str]:
        """Return what a tag brings with it, near consequences first, and theirs.

        >>> Relations.default().implies("absurdly_long_hair")
        ['very_long_hair', 'long_hair']
        """
        return list(self._reach_of(name))

    def implied_by(self, name: str) -> list[str]:
        """Return the tags that bring ``name`` with them, direct ones first.

        >>> Relations.default().implied_by("mug")
        ['beer_mug', 'coffee_mug', 'print_mug']
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
        return [conflict for conflict, _ in self.clashes(names)]

    def clashes(self, names: Iterable[str]) -> list[tuple[Conflict, ExclusiveGroup]]:
        """Return what :meth:`conflicts` does, each with its group."""
        present = dict.fromkeys(names)
        told = {consequence for name in present if name in self._implies for consequence in self._reach_of(name)}
        held: dict[int, dict[str, str]] = {}
        for name in present:
            if name not in told:
                for index, member in self._memberships(name):
                    held.setdefault(index, {})[name] = member
        found = []
        for index in sorted(index for index, members in held.items() if len(members) > 1):
            group, members = self.groups[index], held[index]
            differ = len(set(members.values())) > 1 and group.unless.isdisjoint(present)
            if differ and (not group.one_person or _is_one_person(present, told)):
                found.append((Conflict(group.name, tuple(members)), group))
        return found

    def _reach_of(self, name: str) -> tuple[str, ...]:
        if name not in self._implies:
            return ()
        reached = self._reached.get(name)
        if reached is None:
            reached = self._reached[name] = tuple(_reach(self._implies, name))
        return reached

    def _memberships(self, name: str) -> tuple[tuple[int, str], ...]:
        """Return the groups that a name belongs to, by itself or by what it implies, and the tag that it stands for."""
        held = self._held.get(name)
        if held is None:
            members: dict[int, str] = {}
            for form in (name, *self._reach_of(name)):
                for index in self._groups_of.get(form, ()):
                    members.setdefault(index, form)
            if len(self._held) >= _REMEMBERED:
                self._held.clear()
            held = self._held[name] = tuple(members.items())
        return held


def _is_one_person(present: Container[str], told: Container[str]) -> bool:
    """Say whether the tags speak of one person and of no second one."""
    if sum(name in present for name in _ONE[:3]) > 1:
        return False
    return any(name in present or name in told for name in _ONE)


def read_relations(folder: Path, more: Sequence[Path] = ()) -> Relations:
    """Read the packs' files, and further implications (CSV: name, implies).

    Raises:
        DataFileError: a file is missing or malformed, or implications run in a circle.
    """
    from anima_prompt.documents import load_documents

    try:
        text = (folder / EXCLUSIVE).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataFileError(f"{folder}: relations cannot be read ({error}); reinstall anima-prompt") from error
    implications = dict.fromkeys(read_pairs(folder / IMPLICATIONS, ("name", "implies")))
    for path in more:
        implications |= dict.fromkeys(read_pairs(path, ("name", "implies"), mend="import it again"))
    groups = []
    (document,) = load_documents(text, EXCLUSIVE, bundled=True)
    for item in document.items("exclusive groups"):
        fields = item.fields("a group", _KEYS)
        tags = tuple(tag.text("a tag") for tag in fields["tags"].items("tags"))
        unless = frozenset(tag.text("a tag") for tag in fields["unless"].items("unless"))
        one = "one_person" in fields and fields["one_person"].boolean("one_person")
        rate = float(fields["rate"].decimal("rate")) if "rate" in fields else 0.0
        groups.append(ExclusiveGroup(fields["name"].text("name"), tags, unless, one, rate))
    for name, denied in read_pairs(folder / NEGATIONS, ("name", "denies")):
        pairs = [(name, tag) for tag in denied.split("|")]
        groups += [ExclusiveGroup(f"{_kebab(a)}-or-{_kebab(b)}", (a, b), _VIEWS, one_person=True) for a, b in pairs]
    return Relations(implications, groups)


def _kebab(name: str) -> str:
    return name.replace("_", "-")


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
