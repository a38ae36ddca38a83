"""Numbers of a caption set: tags by category, their company, shares of sections, lengths in tokens, exposures.

Pure numbers; tables, CSV and the page are made of them elsewhere.
"""

from __future__ import annotations

import csv
import io
import statistics as numbers
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from anima_prompt.captions.analysis import Analysis
from anima_prompt.captions.images import exposures
from anima_prompt.captions.sets import CaptionSet
from anima_prompt.extras import package_error
from anima_prompt.lint.set_context import word
from anima_prompt.names import text_to_name
from anima_prompt.sections import Section
from anima_prompt.tokens import TRAINED_ROWS

if TYPE_CHECKING:
    import pandas as pd

    from anima_prompt.tokens import Tokenizers

_BINS = 24


@dataclass(frozen=True, slots=True)
class TagRow:
    """One tag of a set.

    Attributes:
        tag: its most frequent spelling.
        section, group: where it belongs.
        captions, share: how many captions have it, and which part of all captions.
        position: mean place in the caption, 0 for the first tag, 1 for the last.
        with_trigger: how many captions have it and the trigger; 0 without a trigger.
        lift: how much more often it occurs with the trigger than in the whole set; 1 if equally often.
        forms: how many spellings it has.
        known: whether the vocabulary has it.
    """

    tag: str
    section: str
    group: str
    captions: int
    share: float
    position: float
    with_trigger: int
    lift: float
    forms: int
    known: bool


@dataclass(frozen=True, slots=True)
class Length:
    """How long captions are: least, quartiles, 95 %, most, the mean, and how many are beyond a limit."""

    name: str
    least: int
    low: float
    median: float
    high: float
    p95: float
    most: int
    mean: float
    beyond: int = 0
    bins: tuple[tuple[int, int, int], ...] = ()


@dataclass(slots=True)
class Statistics:
    """All numbers of a set.

    Attributes:
        sections: for each section, captions that have it and mean number of tags of those.
        pairs: frequent tags that stand together, with the number of captions.
        folders: images, repeats and their product for each folder.
        notes: what could not be counted.
    """

    captions: int = 0
    images: int = 0
    empty: int = 0
    distinct: int = 0
    trigger: str = ""
    with_trigger: int = 0
    tags: list[TagRow] = field(default_factory=list)
    sections: list[tuple[str, int, float]] = field(default_factory=list)
    lengths: list[Length] = field(default_factory=list)
    pairs: list[tuple[str, str, int]] = field(default_factory=list)
    folders: list[tuple[str, int, int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return asdict(self)

    def to_csv(self) -> str:
        """Return the table of tags as CSV."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(TagRow.__slots__)
        for row in self.tags:
            writer.writerow([round(value, 4) if isinstance(value, float) else value for value in _values(row)])
        return stream.getvalue()

    def to_frame(self) -> pd.DataFrame:
        """Return the table of tags as a pandas frame.

        Raises:
            PackageError: pandas is missing.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise package_error(error) from None
        return pd.DataFrame([_values(row) for row in self.tags], columns=list(TagRow.__slots__))


def _values(row: TagRow) -> list[Any]:
    return [getattr(row, name) for name in TagRow.__slots__]


def statistics(
    captions: CaptionSet,
    analysis: Analysis,
    *,
    trigger: str = "",
    tokenizers: Tokenizers | None = None,
    epochs: int = 1,
) -> Statistics:
    """Return the numbers of a set."""
    rows = captions.captions
    result = Statistics(len(rows), len(captions.images), trigger=trigger)
    result.empty = sum(not caption.text.strip() for caption in rows)
    beside = _with_trigger(captions, analysis, trigger)
    result.with_trigger = sum(beside)
    result.tags = _tags(analysis, beside)
    result.distinct = len(result.tags)
    result.sections = _sections(analysis)
    result.pairs = _pairs(analysis)
    result.lengths = list(_lengths(captions, analysis, tokenizers))
    if tokenizers is None:
        result.notes.append("tokens are not counted: name the tokenizers with --tokenizers or ANIMA_MODELS")
    counts = Counter(image.replace("\\", "/").rpartition("/")[0] for image in captions.images)
    for folder, repeats in exposures(captions.images).items():
        result.folders.append((folder, counts[folder.replace("\\", "/")], repeats, repeats * epochs))
    return result


def _with_trigger(captions: CaptionSet, analysis: Analysis, trigger: str) -> list[bool]:
    if not trigger:
        return [False] * len(captions.captions)
    name, as_word = text_to_name(trigger), word(trigger)
    own = frozenset(number for number, facts in enumerate(analysis.table) if facts.name == name)
    return [
        not own.isdisjoint(ids) or as_word.search(caption.text) is not None
        for ids, caption in zip(analysis.tags, captions.captions, strict=True)
    ]


def _tags(analysis: Analysis, beside: Sequence[bool]) -> list[TagRow]:
    counts: Counter[int] = Counter()
    together: Counter[int] = Counter()
    places: dict[int, float] = {}
    for ids, has_trigger in zip(analysis.tags, beside, strict=True):
        last = max(1, len(ids) - 1)
        for place, number in enumerate(ids):
            places[number] = places.get(number, 0.0) + place / last
        own = set(ids)
        counts.update(own)
        if has_trigger:
            together.update(own)
    forms: dict[str, list[int]] = {}
    for number in counts:
        facts = analysis.table[number]
        forms.setdefault(facts.name if facts.entry is None else facts.entry.name, []).append(number)
    total, with_trigger = len(analysis.tags), sum(beside)
    rows = []
    for spellings in forms.values():
        spellings.sort(key=lambda number: (-counts[number], analysis.table[number].text))
        facts = analysis.table[spellings[0]]
        count, both = sum(counts[n] for n in spellings), sum(together[n] for n in spellings)
        share = count / total
        lift = both / with_trigger / share if with_trigger else 0.0
        position = sum(places[n] for n in spellings) / count
        group = facts.entry.group if facts.entry is not None else ""
        known = facts.entry is not None
        rows.append(
            TagRow(facts.text, facts.section.value, group, count, share, position, both, lift, len(spellings), known)
        )
    return sorted(rows, key=lambda row: (-row.captions, row.tag))


def _sections(analysis: Analysis) -> list[tuple[str, int, float]]:
    having: Counter[Section] = Counter()
    tags: Counter[Section] = Counter()
    own = [facts.section for facts in analysis.table]
    for ids, sentences in zip(analysis.tags, analysis.sentences, strict=True):
        sections = [own[number] for number in ids] + [Section.TEXT] * (len(sentences) // 2)
        tags.update(sections)
        having.update(set(sections))
    return [(s.value, having[s], tags[s] / having[s]) for s in Section if having[s]]


def _pairs(analysis: Analysis, most: int = 40, shown: int = 60) -> list[tuple[str, str, int]]:
    """Return which of the most frequent tags stand together."""
    counts: Counter[int] = Counter()
    for ids in analysis.tags:
        counts.update(set(ids))
    frequent = {number for number, _ in counts.most_common(most)}
    pairs: Counter[tuple[int, int]] = Counter()
    for ids in analysis.tags:
        own = sorted(frequent.intersection(ids))
        pairs.update((a, b) for place, a in enumerate(own) for b in own[place + 1 :])
    table = analysis.table
    return [(table[a].text, table[b].text, count) for (a, b), count in pairs.most_common(shown)]


def _lengths(captions: CaptionSet, analysis: Analysis, tokenizers: Tokenizers | None) -> Iterable[Length]:
    texts = [caption.text for caption in captions.captions]
    if not texts:
        return
    yield length("tags", [len(ids) for ids in analysis.tags])
    yield length("sentences", [len(spans) // 2 for spans in analysis.sentences])
    yield length("characters", [len(text) for text in texts])
    if tokenizers is not None:
        counts = [tokenizers.count(text) for text in texts]
        yield length("T5 tokens", [t5 for _, t5 in counts], limit=TRAINED_ROWS)
        yield length("Qwen tokens", [qwen for qwen, _ in counts], limit=TRAINED_ROWS)


def length(name: str, values: Sequence[int], *, limit: int | None = None) -> Length:
    """Return how a number is distributed.

    >>> length("tags", [1, 2, 3, 4, 10]).median
    3
    """
    ordered = sorted(values)
    pair = ordered * 2 if len(ordered) == 1 else ordered
    cuts = numbers.quantiles(pair, n=20, method="inclusive")
    beyond = sum(value > limit for value in ordered) if limit is not None else 0
    return Length(
        name,
        ordered[0],
        round(cuts[4], 1),
        numbers.median(ordered),
        round(cuts[14], 1),
        round(cuts[18], 1),
        ordered[-1],
        round(numbers.fmean(ordered), 1),
        beyond,
        _bins(ordered),
    )


def _bins(ordered: Sequence[int]) -> tuple[tuple[int, int, int], ...]:
    """Return first, last and count of bins of equal width."""
    low, high = ordered[0], ordered[-1]
    width = max(1, -(-(high - low + 1) // _BINS))
    counts = Counter((value - low) // width for value in ordered)
    return tuple((low + i * width, low + (i + 1) * width - 1, counts[i]) for i in range((high - low) // width + 1))
