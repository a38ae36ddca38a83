"""Tags that exclude each other: the groups, and how often their tags occur together anyway.

Knows ``exclusive.yaml``, ``negations.csv`` and ``exclusive_rates.csv`` in ``data/tags``; knows nothing of implications.
Groups and negations are curated; rates are measured by ``scripts/exclusive_rates.py``.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from anima_prompt.dialects import Dialect
from anima_prompt.errors import DataFileError
from anima_prompt.names import name_to_text
from anima_prompt.vocabulary.packs import read_pairs

if TYPE_CHECKING:
    from anima_prompt.documents import Value

EXCLUSIVE = "tags/exclusive.yaml"
NEGATIONS = "tags/negations.csv"
RATES = "tags/exclusive_rates.csv"
RATE_COLUMNS = ("a", "b", "rarer", "of", "both", "percent", "lift", "source")
MEET_SHARE = 0.02
"""From this share on, two tags do not contradict each other. Measured pairs from 1 to 2 % (autumn and winter, long and
short sleeves) were judged contradictions; pairs above (sunrise and sunset, looking up and looking down) were not."""
MEET_LIFT = 0.25
"""Below this lift two tags avoid each other, regardless of the share. Prompts for a character collect tags of many
images: 10 % of those with short hair have long hair too, but chance alone would give 49 %."""
SEVERAL_VIEWS = frozenset(
    "multiple_views reference_sheet turnaround variations comic 1koma 2koma 3koma 4koma 5koma multiple_4koma collage "
    "before_and_after split_screen inset chibi_inset projected_inset photo_inset zoom_layer dual_persona "
    "multiple_persona clone imagining".split()
)
"""Tags of images that show a person or a place more than once, so that both of two exclusive tags can be true."""
DEPICTIONS = SEVERAL_VIEWS | frozenset(
    "reflection photo_(object) poster_(object) cosplay fusion character_doll character_print doll stuffed_toy figure "
    "thought_bubble hologram statue screen television look-alike personification animalization".split()
)
"""Tags of images that show or name people who are not present, such as photos and dolls."""

Source: TypeAlias = Literal["posts", "prompts"]
_KEYS = ("name", "tags", "unless", "one_person", "certain", "direct", "shades", "always")


@dataclass(frozen=True, slots=True)
class ExclusiveGroup:
    """Tags of which an image has at most one.

    Attributes:
        name: kebab-case.
        tags: canonical names.
        unless: names of exceptions that allow several.
        one_person: whether the group only applies to images of one person.
        certain: False if we judge that some images show both.
        direct: members that count only as written, not if another tag implies them: a pinafore dress is sleeveless, the
            shirt below it is not.
        shades: pairs of members, sorted, that may both name one color.
        always: whether the group also applies to images of several views.
    """

    name: str
    tags: tuple[str, ...]
    unless: frozenset[str]
    one_person: bool = False
    certain: bool = True
    direct: frozenset[str] = frozenset()
    shades: frozenset[tuple[str, ...]] = frozenset()
    always: bool = False


@dataclass(frozen=True, slots=True)
class Rate:
    """How often two tags occur together.

    Attributes:
        rarer: name of the rarer tag.
        of: number of posts or prompts that have the rarer tag.
        both: number of those that also have the other tag.
        lift: ``share``, divided by the share that the other tag has among all posts or prompts.
        source: ``posts`` (Danbooru, 2025-09-24) or ``prompts`` (real prompts).
    """

    rarer: str
    of: int
    both: int
    lift: float
    source: Source

    @property
    def share(self) -> float:
        """Share of the rarer tag's posts or prompts that have both, 0 to 1."""
        return self.both / self.of

    @property
    def meet(self) -> bool:
        """Whether the tags occur together so often that they do not contradict each other."""
        return self.share >= MEET_SHARE and self.lift >= MEET_LIFT

    def describe(self) -> str:
        """Return the rate as text.

        >>> Rate("autumn", 8105, 107, 9.2, "posts").describe()
        "1.3 % of 8,105 Danbooru posts with 'autumn' have both"
        """
        kind = "Danbooru posts" if self.source == "posts" else "real prompts"
        if self.share >= MEET_SHARE and self.both:
            return f"in {kind}, together {1 / self.lift:.0f} times less often than by chance"
        share = f"{100 * self.share:.1f} %" if self.both else "none"
        tag = name_to_text(self.rarer, Dialect.PLAIN)
        return f"{share} of {self.of:,} {kind} with '{tag}' {'have' if self.both else 'has'} both"


def read_groups(folder: Path) -> list[ExclusiveGroup]:
    """Return the groups of the packs; a negation and the tag that it negates are a group of two.

    Raises:
        DataFileError: a file is missing or malformed.
        PromptFileError: exclusive.yaml has a bad value; the message names line and column.
    """
    from anima_prompt.documents import load_documents

    try:
        text = (folder / EXCLUSIVE).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataFileError(f"{folder}: relations cannot be read ({error}); reinstall anima-prompt") from error
    (document,) = load_documents(text, EXCLUSIVE, bundled=True)
    groups = [_group(item) for item in document.items("exclusive groups")]
    for name, denied in read_pairs(folder / NEGATIONS, ("name", "denies")):
        for tag in denied.split("|"):
            label = f"{name}-or-{tag}".replace("_", "-")
            groups.append(ExclusiveGroup(label, (name, tag), frozenset(), one_person=True))
    return groups


def read_rates(folder: Path) -> dict[tuple[str, str], Rate]:
    """Return the measured rates by pair of names in alphabetical order.

    Raises:
        DataFileError: the file is missing, has another header or bad rows; the message lists all bad rows.
    """
    path = folder / RATES
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))
    except (OSError, ValueError) as error:
        raise DataFileError(f"{path}: cannot be read ({error}); reinstall anima-prompt") from error
    if not rows or tuple(rows[0]) != RATE_COLUMNS:
        header = ",".join(rows[0]) if rows else "missing"
        raise DataFileError(f"{path}:1: header is {header}; expected {','.join(RATE_COLUMNS)}; reinstall anima-prompt")
    rates: dict[tuple[str, str], Rate] = {}
    bad = []
    for line, row in enumerate(rows[1:], 2):
        rate = _rate(row)
        if rate is None:
            bad.append(f"{path}:{line}: expected two sorted names, the rarer of them, three numbers, posts or prompts")
        else:
            rates[row[0], row[1]] = rate
    if bad:
        raise DataFileError("\n".join(bad))
    return rates


def _rate(row: list[str]) -> Rate | None:
    """Return the rate of a row, or None if the row is malformed. The percentage column is informative."""
    try:
        a, b, rarer, of, both, _, lift, source = row
        rate = Rate(rarer, int(of), int(both), float(lift), "posts" if source == "posts" else "prompts")
    except ValueError:
        return None
    good = a < b and rarer in (a, b) and source == rate.source and 0 <= rate.both <= rate.of and rate.of > 0
    return rate if good else None


def _group(item: Value) -> ExclusiveGroup:
    fields = item.fields("a group", _KEYS)

    def names(key: str) -> tuple[str, ...]:
        return tuple(tag.text("a tag") for tag in fields[key].items(key)) if key in fields else ()

    def flag(key: str, *, default: bool) -> bool:
        return fields[key].boolean(key) if key in fields else default

    return ExclusiveGroup(
        fields["name"].text("name"),
        names("tags"),
        frozenset(names("unless")),
        one_person=flag("one_person", default=False),
        certain=flag("certain", default=True),
        direct=frozenset(names("direct")),
        shades=frozenset(tuple(pair.split("|")) for pair in names("shades")),
        always=flag("always", default=False),
    )
