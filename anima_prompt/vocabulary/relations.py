"""Relations between tags: A implies B, and A excludes B.

Knows ``implications.csv`` in ``data/tags``, imported implications, and the exclusive groups; knows nothing of prompts.
Implications are Danbooru's active ones (2025-05-01) between packed tags.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

from anima_prompt.errors import DataFileError
from anima_prompt.vocabulary.exclusive import SEVERAL_VIEWS, ExclusiveGroup, Rate, read_groups, read_rates
from anima_prompt.vocabulary.packs import data_folder, read_pairs

IMPLICATIONS = "tags/implications.csv"
_SINGLE_PERSON = ("1girl", "1boy", "1other", "solo")
_SEVERAL = frozenset(
    (
        *(f"{number}{kind}" for number in ("2", "3", "4", "5", "6+") for kind in ("girls", "boys", "others")),
        *("multiple_girls", "multiple_boys", "multiple_others", "solo_focus", "crowd", "couple", "people"),
    )
)
_APART = re.compile(
    r"(?:single|holding|hugging|unworn|removing)_(.+)"
    r"|(.+)_(?:removed|around_waist|around_neck|on_head|on_headwear|on_shoulders|under_skirt|under_dress|under_shorts)"
)
"""Forms of an item that is shown but not worn in its place, worn on one side, or worn below: holding shoes."""
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Conflict:
    """Tags of a prompt that exclude each other, in the order of the prompt."""

    group: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clash:
    """A conflict and its reasons.

    Attributes:
        group: the exclusive group.
        pair: the first two tags of the conflict that exclude each other.
        members: tags of the group that the pair implies; ``hat`` for ``witch_hat``.
        rate: how often the pair, or its members of the group, occur together; None if it was not measured.
    """

    conflict: Conflict
    group: ExclusiveGroup
    pair: tuple[str, str]
    members: tuple[str, str]
    rate: Rate | None = None


@dataclass(frozen=True, slots=True)
class _Traits:
    """Traits of a name: its groups with the member of each, and the names that it implies."""

    members: tuple[tuple[int, str], ...]
    covers: tuple[str, ...]


_NO_TRAITS = _Traits((), ())


class Relations:
    """Implications and exclusive groups, read-only."""

    def __init__(
        self,
        implications: Iterable[tuple[str, str]],
        groups: Iterable[ExclusiveGroup],
        *,
        rates: Mapping[tuple[str, str], Rate] | None = None,
    ) -> None:
        """Keep the relations; the names of a key of ``rates`` are sorted.

        Raises:
            DataFileError: the implications contain a cycle.
        """
        self._reached: dict[str, tuple[str, ...]] = {}
        self._traits: dict[str, _Traits] = {}
        self._implies: dict[str, list[str]] = {}
        self._implied: dict[str, list[str]] = {}
        for name, consequence in implications:
            self._implies.setdefault(name, []).append(consequence)
            self._implied.setdefault(consequence, []).append(name)
        for name in self._implies:
            if name in self.implies(name):
                raise DataFileError(f"implications: '{name}' implies itself through other tags; remove the cycle")
        self.groups = tuple(groups)
        self.rates = dict(rates or {})
        self._groups_of: dict[str, list[int]] = {}
        for index, group in enumerate(self.groups):
            for tag in group.tags:
                self._groups_of.setdefault(tag, []).append(index)

    @classmethod
    def default(cls) -> Relations:
        """Return the bundled relations, read once per process."""
        return _default()

    def implies(self, name: str) -> list[str]:
        """Return the tags that a tag implies, direct implications first.

        >>> Relations.default().implies("absurdly_long_hair")
        ['very_long_hair', 'long_hair']
        """
        return list(self._reach_of(name))

    def implied_by(self, name: str) -> list[str]:
        """Return the tags that imply ``name``, direct implications first.

        >>> Relations.default().implied_by("mug")
        ['beer_mug', 'coffee_mug', 'print_mug']
        """
        return _reach(self._implied, name)

    def conflicts(self, names: Iterable[str]) -> list[Conflict]:
        """Return the exclusive groups of which the names contain several tags without an exception.

        A tag counts as the tags that it implies: ``very_long_hair`` clashes with ``short_hair``. A tag that another
            name
        implies does not count: ``long_hair`` and ``very_long_hair`` do not clash.

        >>> Relations.default().conflicts(["1girl", "red_hair", "blue_hair", "from_above"])
        [Conflict(group='hair-color', tags=('red_hair', 'blue_hair'))]
        >>> Relations.default().conflicts(["1girl", "red_hair", "blue_hair", "multicolored_hair"])
        []
        """
        return [clash.conflict for clash in self.clashes(names)]

    def clashes(self, names: Iterable[str]) -> list[Clash]:
        """Return the conflicts of :meth:`conflicts`, each with its group and rate."""
        present = dict.fromkeys(names)
        known = self._traits
        held: dict[int, list[tuple[str, str]]] = {}
        for name in present:
            traits = known.get(name) or self._learn(name)
            if traits is not _NO_TRAITS:
                for index, member in traits.members:
                    if index in held:
                        held[index].append((name, member))
                    else:
                        held[index] = [(name, member)]
        full = [index for index, pairs in held.items() if len(pairs) > 1 and len({member for _, member in pairs}) > 1]
        if not full:
            return []
        covered = {cover for name in present if name in known for cover in known[name].covers}
        once = SEVERAL_VIEWS.isdisjoint(present)
        alone = once and is_one_person(present)
        clashes = []
        for index in sorted(full):
            group = self.groups[index]
            counts = alone if group.one_person else once or group.always
            if counts and group.unless.isdisjoint(present) and group.unless.isdisjoint(covered):
                clash = self._clash(group, [pair for pair in held[index] if pair[0] not in covered])
                if clash is not None:
                    clashes.append(clash)
        return clashes

    def rate_of(self, a: str, b: str) -> Rate | None:
        """Return how often two tags occur together, or None if it was not measured."""
        return self.rates.get((a, b) if a < b else (b, a))

    def _clash(self, group: ExclusiveGroup, members: list[tuple[str, str]]) -> Clash | None:
        """Return the clash of those members that rarely occur together."""
        first: tuple[tuple[str, str], tuple[str, str], Rate | None] | None = None
        clashing = set()
        for (a, member_a), (b, member_b) in combinations(members, 2):
            shades = (member_a, member_b) if member_a < member_b else (member_b, member_a)
            if member_a != member_b and shades not in group.shades:
                rate = self._nearest_rate((a, member_a), (b, member_b))
                if rate is None or not rate.meet:
                    first = first or ((a, b), (member_a, member_b), rate)
                    clashing |= {a, b}
        if first is None:
            return None
        tags = tuple(name for name, _ in members if name in clashing)
        return Clash(Conflict(group.name, tags), group, *first)

    def _nearest_rate(self, first: tuple[str, str], second: tuple[str, str]) -> Rate | None:
        """Return the rate of two names, or if it was not measured, of their members of the group."""
        for a in dict.fromkeys(first):
            for b in dict.fromkeys(second):
                rate = self.rate_of(a, b)
                if rate is not None:
                    return rate
        return None

    def _reach_of(self, name: str) -> tuple[str, ...]:
        if name not in self._implies:
            return ()
        reached = self._reached.get(name)
        if reached is None:
            reached = self._reached[name] = tuple(_reach(self._implies, name))
        return reached

    def _learn(self, name: str) -> _Traits:
        """Compute and cache the traits of a name."""
        reach = self._reach_of(name)
        apart = _APART.fullmatch(name)
        members: dict[int, str] = {}
        for form in (name,) if apart else (name, *reach):
            for index in self._groups_of.get(form, ()):
                if form == name or form not in self.groups[index].direct:
                    members.setdefault(index, form)
        stem = (apart[1] or apart[2]) if apart else ""
        covers = (*reach, *(form for form in (stem, f"{stem}s") if form in self._groups_of))
        if len(self._traits) >= _REMEMBERED:
            self._traits.clear()
        traits = _Traits(tuple(members.items()), covers) if members or covers else _NO_TRAITS
        self._traits[name] = traits
        return traits


def is_one_person(present: Collection[str]) -> bool:
    """Return whether count tags mean exactly one person.

    >>> is_one_person({"1girl"}), is_one_person({"1girl", "1boy"}), is_one_person({"2girls", "1boy"})
    (True, False, False)
    """
    if sum(name in present for name in _SINGLE_PERSON[:3]) > 1:
        return False
    return any(name in present for name in _SINGLE_PERSON) and not any(name in present for name in _SEVERAL)


def read_relations(folder: Path, more: Sequence[Path] = ()) -> Relations:
    """Read the packs' files, and further implications (CSV: name, implies).

    Raises:
        DataFileError: a file is missing or malformed, or the implications contain a cycle.
    """
    groups = read_groups(folder)
    implications = dict.fromkeys(read_pairs(folder / IMPLICATIONS, ("name", "implies")))
    for path in more:
        implications |= dict.fromkeys(read_pairs(path, ("name", "implies"), hint="import it again"))
    return Relations(implications, groups, rates=read_rates(folder))


def _reach(edges: dict[str, list[str]], name: str) -> list[str]:
    """Return all names that edges lead to, breadth first."""
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
