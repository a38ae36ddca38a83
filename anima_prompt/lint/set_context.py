"""The captions of a training set as the rules about sets see them: numbers of tags, not texts.

Built by :mod:`anima_prompt.captions`; knows nothing of files beyond their names. Tags are numbers into ``table``, so
that a hundred thousand captions stay small.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.environment import Facts
from anima_prompt.names import text_to_name
from anima_prompt.sections import Section

if TYPE_CHECKING:
    from anima_prompt.lint.environment import Environment

FEW = 10
"""Sets with fewer captions say little about what is common or rare."""


@dataclass(frozen=True, slots=True)
class SetFinding:
    """What a rule about a set reports.

    Attributes:
        message: one line.
        caption: index of the caption, None for a finding about a file.
        path: the file, where there is no caption.
        start, end: span in the caption.
        severity: where it differs from the rule's.
    """

    message: str
    caption: int | None = None
    path: str = ""
    start: int = 0
    end: int = 0
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class SetFiles:
    """What is known of the files of a set.

    Attributes:
        without_caption: images without a caption.
        without_image: text files, and rows of tables, whose image is missing.
        encodings: files that are neither UTF-8 nor UTF-16, with a message.
        other_case: captions whose image has another case in its name, by index, with the image.
        stale: images whose cached text encoding is of another caption, with a message.
        near_images: pairs of images that look alike, with the distance of their hashes.
        repeats: how often an image is seen in one epoch, by index of the caption; empty where nothing says so.
        epochs: number of epochs, 0 if unknown.
    """

    without_caption: tuple[str, ...] = ()
    without_image: tuple[str, ...] = ()
    encodings: tuple[tuple[str, str], ...] = ()
    other_case: tuple[tuple[int, str], ...] = ()
    stale: tuple[tuple[str, str], ...] = ()
    near_images: tuple[tuple[str, str, int], ...] = ()
    repeats: dict[str, int] = field(default_factory=dict)
    epochs: int = 0


@dataclass(slots=True)
class Form:
    """One way in which a tag is written in a set: its text, how many captions have it, and where it is first."""

    id: int
    text: str
    count: int


class SetContext:
    """Everything that the rules may ask of a set of captions."""

    def __init__(
        self,
        *,
        texts: Sequence[str],
        sources: Sequence[str],
        images: Sequence[str | None],
        tags: Sequence[array[int]],
        starts: Sequence[array[int]],
        sentences: Sequence[int],
        table: Sequence[Facts],
        environment: Environment,
        trigger: str = "",
        files: SetFiles | None = None,
    ) -> None:
        """Keep the captions.

        Args:
            texts, sources, images: text, file and image of each caption.
            tags: numbers of the tags of each caption, in order, and ``starts`` their offsets.
            sentences: how many sentences each caption has.
            table: what is known of each tag.
            trigger: the word that the training shall teach, if it is known.
        """
        self.texts, self.sources, self.images = texts, sources, images
        self.tags, self.starts, self.sentences = tags, starts, sentences
        self.table = table
        self.environment = environment
        self.trigger = trigger
        self.files = files or SetFiles()

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def counts(self) -> Counter[int]:
        """In how many captions each tag stands, by its number."""
        counts: Counter[int] = Counter()
        for ids in self.tags:
            counts.update(set(ids))
        return counts

    @cached_property
    def names(self) -> list[str]:
        """The canonical name of each tag: an alias counts as the name that it stands for."""
        return [facts.name if facts.entry is None else facts.entry.name for facts in self.table]

    @cached_property
    def forms(self) -> dict[str, list[Form]]:
        """How each name is written, the most frequent form first."""
        found: dict[str, list[Form]] = {}
        for number, count in self.counts.items():
            found.setdefault(self.names[number], []).append(Form(number, self.table[number].text, count))
        for forms in found.values():
            forms.sort(key=lambda form: (-form.count, form.text))
        return found

    @cached_property
    def first(self) -> dict[int, int]:
        """The first caption of each tag."""
        found: dict[int, int] = {}
        for caption, ids in enumerate(self.tags):
            for number in ids:
                if number not in found:
                    found[number] = caption
        return found

    @cached_property
    def sections(self) -> list[frozenset[Section]]:
        """The sections that each caption has tags of."""
        own = [facts.section for facts in self.table]
        known: dict[frozenset[Section], frozenset[Section]] = {}
        found = []
        for ids in self.tags:
            sections = frozenset(own[number] for number in ids)
            found.append(known.setdefault(sections, sections))
        return found

    @property
    def tagged(self) -> Iterator[int]:
        """The captions that have tags; sentences alone are another kind of caption."""
        return (caption for caption, ids in enumerate(self.tags) if ids)

    def span(self, caption: int, number: int) -> tuple[int, int]:
        """Return the span of a tag in a caption."""
        place = self.tags[caption].index(number)
        start = self.starts[caption][place]
        return start, start + len(self.table[number].text)

    def at(self, caption: int, number: int, message: str, *, severity: Severity | None = None) -> SetFinding:
        """Return a finding at a tag of a caption."""
        start, end = self.span(caption, number)
        return SetFinding(message, caption, "", start, end, severity)

    def captions_with(self, numbers: frozenset[int]) -> list[int]:
        """Return the captions that have a tag of some numbers."""
        return [caption for caption, ids in enumerate(self.tags) if not numbers.isdisjoint(ids)]

    @cached_property
    def trigger_places(self) -> list[int]:
        """For each caption, the index of the tag that is the trigger; -1 inside other text, -2 if missing."""
        own = self.trigger_forms
        as_word = word(self.trigger)
        places = []
        for ids, text in zip(self.tags, self.texts, strict=True):
            place = next((place for place, number in enumerate(ids) if number in own), None)
            places.append((-1 if as_word.search(text) else -2) if place is None else place)
        return places

    @cached_property
    def trigger_forms(self) -> frozenset[int]:
        """The tags that are the trigger, whatever the case, with or without underscores and spaces."""
        name = _joined(self.trigger)
        return frozenset(number for number, facts in enumerate(self.table) if name and _joined(facts.literal) == name)


def word(text: str) -> re.Pattern[str]:
    """Return the pattern of a text that is not part of a longer word, in any case.

    >>> bool(word("char").search("A character")), bool(word("char").search("A Char, smiling"))
    (False, True)
    """
    return re.compile(rf"(?<!\w){re.escape(text)}(?!\w)", re.IGNORECASE)


def _joined(text: str) -> str:
    return text_to_name(text, Dialect.PLAIN).replace("_", "").replace("-", "")


CheckSet = Callable[[SetContext], Iterator[SetFinding]]
