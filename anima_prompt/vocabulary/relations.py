"""What tags have to do with each other: A brings B, and A excludes B.

Knows ``implications.csv`` in ``data/tags``, implications that the user imported, and the exclusive groups; knows
nothing of prompts. Implications are Danbooru's active ones (2025-05-01) between packed tags.
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
_ONE = ("1girl", "1boy", "1other", "solo")
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
"""Forms of a thing that is there but not worn in its place, worn on one side, or worn below: holding shoes."""
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Conflict:
    """Tags of one prompt that exclude each other, in the prompt's order."""

    group: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clash:
    """A conflict and its reasons.

    Attributes:
        group: the group that is broken.
        pair: the first two tags of the conflict that exclude each other.
        members: tags of the group that the pair stands for; ``hat`` for ``witch_hat``.
        rate: how often the pair, or the members that it stands for, are found together; None if it was not measured.
    """

    conflict: Conflict
    group: ExclusiveGroup
    pair: tuple[str, str]
    members: tuple[str, str]
    rate: Rate | None = None


@dataclass(frozen=True, slots=True)
class _Traits:
    """What a name adds to a prompt: groups it belongs to with the member it stands for, and names that it covers."""

    members: tuple[tuple[int, str], ...]
    covers: tuple[str, ...]


_NONE = _Traits((), ())


class Relations:
    """Implications and exclusive groups, read-only."""

    def __init__(
        self,
        implications: Iterable[tuple[str, str]],
        groups: Iterable[ExclusiveGroup],
        *,
        rates: Mapping[tuple[str, str], Rate] | None = None,
    ) -> None:
        """Hold the relations; the names of a key of ``rates`` are sorted.

        Raises:
            DataFileError: an implication leads back to where it came from.
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
                raise DataFileError(f"implications: '{name}' implies itself by way of others; break the circle")
        self.groups = tuple(groups)
        self.rates = dict(rates or {})
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
        [Conflict(group='hair-color', tags=('red_hair', 'blue_hair'))]
        >>> Relations.default().conflicts(["1girl", "red_hair", "blue_hair", "multicolored_hair"])
        []
        """
        return [clash.conflict for clash in self.clashes(names)]

    def clashes(self, names: Iterable[str]) -> list[Clash]:
        """Return what :meth:`conflicts` does, each with its group and rate."""
        present = dict.fromkeys(names)
        known = self._traits
        held: dict[int, list[tuple[str, str]]] = {}
        for name in present:
            traits = known.get(name) or self._learn(name)
            if traits is not _NONE:
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
        found = []
        for index in sorted(full):
            group = self.groups[index]
            counts = alone if group.one_person else once or group.always
            if counts and group.unless.isdisjoint(present) and group.unless.isdisjoint(covered):
                clash = self._clash(group, [pair for pair in held[index] if pair[0] not in covered])
                if clash is not None:
                    found.append(clash)
        return found

    def rate_of(self, a: str, b: str) -> Rate | None:
        """Return how often two tags stand together, or None if it was not measured."""
        return self.rates.get((a, b) if a < b else (b, a))

    def _clash(self, group: ExclusiveGroup, members: list[tuple[str, str]]) -> Clash | None:
        """Return the clash of those members that are not often found together."""
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
        """Return the rate of two names, or where it was not measured of the members that they stand for."""
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
        """Work out and remember what a name adds to a prompt."""
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
        traits = _Traits(tuple(members.items()), covers) if members or covers else _NONE
        self._traits[name] = traits
        return traits


def is_one_person(present: Collection[str]) -> bool:
    """Return whether count tags speak of one person and of no second one.

    >>> is_one_person({"1girl"}), is_one_person({"1girl", "1boy"}), is_one_person({"2girls", "1boy"})
    (True, False, False)
    """
    if sum(name in present for name in _ONE[:3]) > 1:
        return False
    return any(name in present for name in _ONE) and not any(name in present for name in _SEVERAL)


def read_relations(folder: Path, more: Sequence[Path] = ()) -> Relations:
    """Read the packs' files, and further implications (CSV: name, implies).

    Raises:
        DataFileError: a file is missing or malformed, or implications run in a circle.
    """
    groups = read_groups(folder)
    implications = dict.fromkeys(read_pairs(folder / IMPLICATIONS, ("name", "implies")))
    for path in more:
        implications |= dict.fromkeys(read_pairs(path, ("name", "implies"), hint="import it again"))
    return Relations(implications, groups, rates=read_rates(folder))


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
