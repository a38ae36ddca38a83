"""The structured prompt: sections in the model's order, sentences, and a negative prompt beside them.

Everything is frozen; every edit returns a new prompt. Every text that an edit takes is read as :meth:`Prompt.parse`
reads it, so that markup, weights and unknown names survive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from anima_prompt.dialects import Dialect
from anima_prompt.errors import PromptError
from anima_prompt.names import is_artist, is_everyday, text_to_name
from anima_prompt.prompt.items import Items, Placed, read_entry, read_items
from anima_prompt.prompt.mapping import fields_from_dict, fields_to_dict
from anima_prompt.prompt.printer import Layout, Printed, print_layout
from anima_prompt.prompt.tag import Place, PromptRole, Sentence, Tag, Weight, exact, placed_tag
from anima_prompt.sections import TAG_SECTIONS, Section
from anima_prompt.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt in sections. Iterating gives its tags in print order, ``"smile" in prompt`` asks for one.

    Attributes:
        dataset: ``ye-pop`` or ``deviantart``, alone on the first line.
        quality, meta, year, safety, count, character, series, artist, general: the tags, in the writer's order.
        sentences: natural language, in order.
        closing: general tags that stand after the sentences.
        comments: comment lines, kept and printed first.
        negative: the negative prompt, itself without one.
        role: which of the two this is.
    """

    dataset: tuple[Tag, ...] = ()
    quality: tuple[Tag, ...] = ()
    meta: tuple[Tag, ...] = ()
    year: tuple[Tag, ...] = ()
    safety: tuple[Tag, ...] = ()
    count: tuple[Tag, ...] = ()
    character: tuple[Tag, ...] = ()
    series: tuple[Tag, ...] = ()
    artist: tuple[Tag, ...] = ()
    general: tuple[Tag, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    closing: tuple[Tag, ...] = ()
    comments: tuple[str, ...] = ()
    negative: Prompt | None = None
    role: PromptRole = "positive"

    def __post_init__(self) -> None:
        if len(self.dataset) > 1:
            raise PromptError("a prompt has more than one data-set tag; keep 'ye-pop' or 'deviantart'")
        if self.negative is not None and self.role == "negative":
            raise PromptError("a negative prompt cannot have a negative prompt of its own")
        if self.negative is not None and self.negative.role != "negative":
            object.__setattr__(self, "negative", replace(self.negative, role="negative"))
        self._settle_places()

    def _settle_places(self) -> None:
        """Keep one form where text could not tell two apart: ``closing`` needs tags and sentences in front of it."""
        leading = any(getattr(self, section.value) for section in TAG_SECTIONS)
        has_after = any(sentence.place == "after" for sentence in self.sentences)
        if self.closing and not (leading and has_after):
            before = tuple(replace(sentence, place="before") for sentence in self.sentences)
            object.__setattr__(self, "general", self.general + self.closing)
            object.__setattr__(self, "closing", ())
            if not leading:
                object.__setattr__(self, "sentences", before)
        elif not leading and self.sentences:
            after = tuple(replace(sentence, place="after") for sentence in self.sentences)
            object.__setattr__(self, "sentences", after)

    # --- reading and writing -----------------------------------------------------------------------------------------

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        negative: str | None = None,
        dialect: str | Dialect = Dialect.COMFYUI,
        vocabulary: Vocabulary | None = None,
    ) -> Prompt:
        r"""Read a prompt text. Never fails: what has no structured form is kept verbatim.

        Args:
            negative: text of the negative prompt.
            dialect: the front end that the text is written for.
            vocabulary: decides sections; the curated packs by default.

        >>> Prompt.parse("1girl, masterpiece, (smile:1.2), @wlop").to_text()
        'masterpiece, 1girl, @wlop, (smile:1.2)'
        """
        prompt = cls.from_items(read_items(text, dialect=dialect, vocabulary=vocabulary))
        if negative is None:
            return prompt
        return replace(prompt, negative=cls.from_items(read_items(negative, dialect=dialect, vocabulary=vocabulary)))

    @classmethod
    def from_items(cls, items: Items) -> Prompt:
        """Build a prompt from what was read; general tags behind a sentence that has tags before it are closing."""
        sections: dict[str, list[Tag]] = {}
        sentences: list[Sentence] = []
        tags = 0
        closing = False
        for item in items.placed:
            if item.section is Section.TEXT:
                place: Place = "after" if tags else "before"
                closing = closing or place == "after"
                sentences.append(Sentence(item.text, place))
                continue
            tags += item.section is not Section.DATASET
            key = "closing" if closing and item.section is Section.GENERAL else item.section.value
            sections.setdefault(key, []).append(placed_tag(item))
        values: dict[str, Any] = {key: tuple(value) for key, value in sections.items()}
        return cls(**values, sentences=tuple(sentences), comments=items.comments)

    def to_text(self, dialect: str | Dialect = Dialect.COMFYUI) -> str:
        r"""Return the canonical text for a front end; :func:`anima_prompt.print_prompt` also says what got lost.

        >>> Prompt(character=(Tag("fern \\(sousou no frieren\\)"),)).to_text("plain")
        'fern (sousou no frieren)'
        """
        return print_prompt(self, dialect).text

    def __str__(self) -> str:
        """Return the text for ComfyUI, without the negative prompt."""
        return self.to_text()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, report: Callable[[str], None] | None = None) -> Prompt:
        """Build a prompt from a mapping as :meth:`to_dict` returns it, or as people and language models write it.

        Args:
            report: called with one line for everything that is read otherwise than it stands: another name of a key
                (``nltags``), several tags in one text, a setting that is left out.

        Raises:
            PromptError: unknown key, wrong type, malformed weight.

        >>> changes = []
        >>> data = {"quality": "masterpiece, best quality", "tags": "1girl, smile", "nltags": "She waves."}
        >>> str(Prompt.from_dict(data, report=changes.append))
        'masterpiece, best quality, 1girl, smile. She waves.'
        >>> changes[0]
        "quality: 'masterpiece, best quality' read as 2 tags"
        """
        return cls._from_fields(fields_from_dict(data, report=report))

    @classmethod
    def _from_fields(cls, values: dict[str, Any]) -> Prompt:
        negative = values.get("negative")
        return cls(**values) if negative is None else cls(**{**values, "negative": cls._from_fields(negative)})

    def to_dict(self) -> dict[str, Any]:
        """Return a mapping of plain types, empty sections left out; JSON and YAML hold it without loss."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return fields_to_dict({**values, "negative": None if self.negative is None else self.negative.to_dict()})

    # --- looking -----------------------------------------------------------------------------------------------------

    def section(self, section: str | Section) -> tuple[Tag, ...]:
        """Return the tags of a section; ``general`` includes the closing tags.

        Raises:
            PromptError: unknown section, or ``text``, which holds sentences.
        """
        key = _tag_section(section)
        tags: tuple[Tag, ...] = getattr(self, key.value)
        return tags + self.closing if key is Section.GENERAL else tags

    def tags(self) -> Iterator[tuple[Section, Tag]]:
        """Yield every tag with its section, in print order."""
        for section in (Section.DATASET, *TAG_SECTIONS):
            for tag in getattr(self, section.value):
                yield section, tag
        for tag in self.closing:
            yield Section.GENERAL, tag

    def __iter__(self) -> Iterator[Tag]:
        """Yield every tag, in print order."""
        return (tag for _, tag in self.tags())

    def __len__(self) -> int:
        """Return the number of tags."""
        return sum(1 for _ in self.tags())

    def __bool__(self) -> bool:
        """Return whether there is anything to print."""
        return bool(len(self) or self.sentences or self.comments)

    def __contains__(self, text: object) -> bool:
        """Return whether a tag is the same as ``text`` but for case, underscores, weight and ``@``."""
        return isinstance(text, str | Tag) and self.find(text) is not None

    def find(self, text: str | Tag) -> tuple[Section, Tag] | None:
        """Return the first tag that is the same as ``text`` but for case, underscores, weight and ``@``, or None."""
        wanted = _key(text)
        return next((pair for pair in self.tags() if _key(pair[1]) == wanted), None)

    def sentences_about(self, character: str | Tag) -> tuple[Sentence, ...]:
        """Return the sentences that name a character, whatever the case and with or without its qualifier.

        >>> Prompt.parse("It rains on the town. Ai smiles.").sentences_about("ai")
        (Sentence(text='Ai smiles.', place='after'),)
        """
        text = character.text if isinstance(character, Tag) else character
        name = text_to_name(text).replace("_", " ").split(" (")[0]
        word = re.compile(rf"(?<![0-9a-z]){re.escape(name)}(?![0-9a-z])")  # 'ai' is not in 'rain'
        return tuple(sentence for sentence in self.sentences if name and word.search(sentence.text.lower()))

    # --- edits -------------------------------------------------------------------------------------------------------

    def with_section(self, section: str | Section, tags: str | Tag | Iterable[str | Tag]) -> Prompt:
        """Return the prompt with the whole section replaced; ``general`` also loses its closing tags.

        >>> str(Prompt.parse("1girl, smile").with_section("quality", "masterpiece, best quality"))
        'masterpiece, best quality, 1girl, smile'
        """
        key = _tag_section(section)
        changed = replace(self, closing=()) if key is Section.GENERAL else self
        entries = [tags] if isinstance(tags, str | Tag) else list(tags)
        return with_fields(changed, {key.value: tuple(tag for entry in entries for tag in _tags(entry, key))})

    def add(
        self,
        tag: str | Tag,
        *,
        section: str | Section | None = None,
        weight: Weight | None = None,
        index: int | None = None,
        repeat: bool = False,
        vocabulary: Vocabulary | None = None,
    ) -> Prompt:
        """Return the prompt with the tags and sentences of a text added, each at the end of its section.

        A tag that the prompt has already is not repeated; where the new one has a weight, the old one gets it.

        Args:
            section: where to put tags; the vocabulary decides if it is left out.
            weight: for all tags of the text.
            index: place in the section instead of its end.
            repeat: add tags that the prompt has already.

        >>> str(Prompt.parse("1girl").add("masterpiece").add("(1girl:1.2)"))
        'masterpiece, (1girl:1.2)'
        """
        key = None if section is None else _tag_section(section)
        if isinstance(tag, Tag):
            found = _section_of(tag, vocabulary) if key is None else key
            return self._added([(found, _marked(tag, key))], weight=weight, index=index, repeat=repeat)
        if key is None:
            return self._with_items(
                read_items(_text(tag), vocabulary=vocabulary), weight=weight, index=index, repeat=repeat
            )
        pairs = [(key, placed_tag(item)) for item in read_entry(tag, key, vocabulary=vocabulary)]
        return self._added(pairs, weight=weight, index=index, repeat=repeat)

    def __add__(self, other: object) -> Prompt:
        """Return the prompt merged with another one, or with the tags and sentences of a text."""
        if isinstance(other, str):
            return self.add(other)
        return self.merge(other) if isinstance(other, Prompt) else NotImplemented

    def __radd__(self, other: object) -> Prompt:
        """Return the prompt of a text merged with this one."""
        return Prompt.parse(other).merge(self) if isinstance(other, str) else NotImplemented

    def remove(self, *texts: str | Tag) -> Prompt:
        """Return the prompt without any tag that is the same as one of ``texts``.

        Raises:
            PromptError: one of them is not in the prompt; the message names all that are missing.
        """
        wanted = self._wanted(*texts)
        return self._mapped(lambda _section, tag: None if _key(tag) in wanted else tag)

    def replace(self, old: str | Tag, new: str | Tag, *, weight: Weight | None = None) -> Prompt:
        """Return the prompt with ``new`` in the place of ``old``.

        Args:
            weight: of the new tag; by default the weight that ``new`` itself has, or else the old one's.

        Raises:
            PromptError: there is no such tag, or ``new`` is not one tag.
        """
        wanted = self._wanted(old)

        def swap(section: Section, tag: Tag) -> Tag:
            if _key(tag) not in wanted:
                return tag
            changed = _marked(Tag.of(new, section=section if is_artist(tag.text) else None), None)
            if weight is not None:
                return replace(changed, weight=exact(weight))
            plain = changed.weight == 1 and not isinstance(new, Tag)
            return replace(changed, weight=tag.weight) if plain else changed

        return self._mapped(swap)

    def set_weight(self, text: str | Tag, weight: Weight) -> Prompt:
        """Return the prompt with another weight on a tag.

        Raises:
            PromptError: there is no such tag, or the weight is not a finite number.

        >>> Prompt.parse("1girl, smile").set_weight("smile", 1.5).to_text()
        '1girl, (smile:1.5)'
        """
        wanted = self._wanted(text)
        value = exact(weight)
        return self._mapped(lambda _section, tag: replace(tag, weight=value) if _key(tag) in wanted else tag)

    def scale_weights(self, factor: Weight, *texts: str | Tag, section: str | Section | None = None) -> Prompt:
        """Return the prompt with weights multiplied by ``factor``, rounded to six decimals.

        Args:
            texts: the tags; all of them by default.
            section: only tags of this section.

        Raises:
            PromptError: there is no such tag, or the factor is not a finite number.

        >>> Prompt.parse("1girl, (smile:1.2), @wlop").scale_weights(1.5, section="general").to_text()
        '1girl, @wlop, (smile:1.8)'
        """
        wanted = self._wanted(*texts)
        key = None if section is None else _tag_section(section)

        def scaled(place: Section, tag: Tag) -> Tag:
            chosen = (not texts or _key(tag) in wanted) and key in (None, place)
            return tag.scaled(factor) if chosen and place is not Section.DATASET else tag

        return self._mapped(scaled)

    def move(self, text: str | Tag, *, section: str | Section | None = None, index: int | None = None) -> Prompt:
        """Return the prompt with a tag moved to another section, or to another index of its own.

        Raises:
            PromptError: there is no such tag.
        """
        self._wanted(text)
        place, tag = next(pair for pair in self.tags() if _key(pair[1]) == _key(text))
        target = place if section is None else _tag_section(section)
        return self.remove(text).add(tag, section=target, index=index)

    def merge(self, other: Prompt) -> Prompt:
        """Return both prompts in one; the other's tags follow in every section, without repeats."""
        values: dict[str, Any] = {}
        for key in _TAG_FIELDS:
            section = Section.GENERAL if key == "closing" else Section(key)
            present = {_key(tag) for tag in self.section(section)}
            values[key] = getattr(self, key) + tuple(tag for tag in getattr(other, key) if _key(tag) not in present)
        texts = {sentence.text for sentence in self.sentences}
        values["sentences"] = self.sentences + tuple(s for s in other.sentences if s.text not in texts)
        values["comments"] = tuple(dict.fromkeys(self.comments + other.comments))
        sides = [side for side in (self.negative, other.negative) if side is not None]
        values["negative"] = sides[0].merge(sides[-1]) if sides else None
        return with_fields(self, values)

    def swapped(self) -> Prompt:
        """Return the prompt with positive and negative exchanged."""
        side = Prompt() if self.negative is None else self.negative
        positive = replace(side, role="positive", negative=None)
        return replace(positive, negative=replace(self, negative=None))

    def to_negative(self, *texts: str) -> Prompt:
        """Return the prompt with tags moved from the positive to the negative side.

        Raises:
            PromptError: a tag is not in the positive prompt.

        >>> moved = Prompt.parse("1girl, blurry").to_negative("blurry")
        >>> moved.to_text(), moved.negative.to_text()
        ('1girl', 'blurry')
        """
        positive = self
        negative = Prompt(role="negative") if self.negative is None else self.negative
        for text in texts:
            self._wanted(text)
            found = positive.find(text)
            if found is not None:
                positive, negative = positive.remove(text), negative.add(found[1], section=found[0])
        return replace(positive, negative=negative)

    def to_positive(self, *texts: str) -> Prompt:
        """Return the prompt with tags moved from the negative to the positive side.

        Raises:
            PromptError: a tag is not in the negative prompt.
        """
        return self.swapped().to_negative(*texts).swapped()

    def _wanted(self, *texts: str | Tag) -> set[str]:
        """Return the keys of tags that the prompt has."""
        present = {_key(tag) for tag in self}
        missing = [str(text.text if isinstance(text, Tag) else text) for text in texts if _key(text) not in present]
        if missing:
            named = ", ".join(f"'{text}'" for text in missing)
            contents = ", ".join(tag.text for tag in self) or "no tags"
            raise PromptError(f"there is no tag {named} in the prompt; it contains {contents}")
        return {_key(text) for text in texts}

    def _with_items(self, items: Items, *, weight: Weight | None, index: int | None, repeat: bool) -> Prompt:
        """Return the prompt with what was read from a text."""
        if not self:
            fresh = Prompt.from_items(_weighted(items, weight))
            return replace(fresh, negative=self.negative, role=self.role)
        pairs: list[tuple[Section, Tag]] = [
            (item.section, placed_tag(item)) for item in items.placed if item.section is not Section.TEXT
        ]
        texts = {sentence.text for sentence in self.sentences}
        sentences = tuple(
            Sentence(item.text)
            for item in items.placed
            if item.section is Section.TEXT and (repeat or item.text not in texts)
        )
        changed = self._added(pairs, weight=weight, index=index, repeat=repeat)
        comments = (*self.comments, *(line for line in items.comments if line not in self.comments))
        return replace(changed, sentences=changed.sentences + sentences, comments=comments)

    def _added(
        self, pairs: list[tuple[Section, Tag]], *, weight: Weight | None, index: int | None, repeat: bool
    ) -> Prompt:
        present = {_key(tag): tag for tag in self}
        changed = self
        for section, tag in pairs:
            new = tag if weight is None else replace(tag, weight=exact(weight))
            old = present.get(_key(new))
            if repeat or old is None:
                tags = list(getattr(changed, section.value))
                tags.insert(len(tags) if index is None else index, new)
                index = None if index is None else index + 1
                changed = with_fields(changed, {section.value: tuple(tags)})
            elif new.weight != old.weight and (weight is not None or new.weight != 1):
                changed = changed.set_weight(old, new.weight)
        return changed

    def _mapped(self, change: Callable[[Section, Tag], Tag | None]) -> Prompt:
        values = {}
        for key in _TAG_FIELDS:
            section = Section.GENERAL if key == "closing" else Section(key)
            changed = (change(section, tag) for tag in getattr(self, key))
            values[key] = tuple(tag for tag in changed if tag is not None)
        return with_fields(self, values)


_TAG_FIELDS = (Section.DATASET.value, *(section.value for section in TAG_SECTIONS), "closing")


def print_prompt(prompt: Prompt, dialect: str | Dialect = Dialect.COMFYUI) -> Printed:
    """Return the canonical text of ``prompt`` for ``dialect`` and a diagnostic for everything that it loses.

    Raises:
        DialectError: unknown dialect.

    >>> printed = print_prompt(Prompt.parse("(smile:1.2)"), "plain")
    >>> printed.text, printed.diagnostics[0].name
    ('smile', 'weight-dropped')
    """
    layout = Layout(
        lines=(*(tag.text for tag in prompt.dataset), *prompt.comments),
        before=tuple(sentence for sentence in prompt.sentences if sentence.place == "before"),
        tags=tuple(tag for section in TAG_SECTIONS for tag in getattr(prompt, section.value)),
        after=tuple(sentence for sentence in prompt.sentences if sentence.place == "after"),
        closing=prompt.closing,
    )
    return print_layout(layout, dialect)


def _weighted(items: Items, weight: Weight | None) -> Items:
    if weight is None:
        return items
    value = exact(weight)
    placed = (item if item.section is Section.TEXT else item._replace(weight=value) for item in items.placed)
    return replace(items, placed=tuple(placed))


def _tags(entry: str | Tag, section: Section) -> list[Tag]:
    """Return the tags of one entry of a section."""
    if isinstance(entry, Tag):
        return [_marked(entry, section)]
    return [placed_tag(item) for item in read_entry(_text(entry), section)]


def _marked(tag: Tag, section: Section | None) -> Tag:
    """Return the tag with the ``@`` that the artist section asks for."""
    if section is not Section.ARTIST or tag.verbatim is not None or is_artist(tag.text):
        return tag
    return replace(tag, text=f"@{tag.text}")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise PromptError(f"a tag is {value!r} ({type(value).__name__}); expected a text or a Tag")
    return value


def _tag_section(section: str | Section) -> Section:
    key = Section.of(section)
    if key is Section.TEXT:
        raise PromptError("section 'text' contains sentences, not tags; use the field 'sentences'")
    return key


def _section_of(tag: Tag, vocabulary: Vocabulary | None) -> Section:
    return (vocabulary or Vocabulary.default()).section_of(tag.text)


def with_fields(prompt: Prompt, fields: Mapping[str, Any]) -> Prompt:
    """Return the prompt with fields replaced whose names are known only when the program runs."""
    return replace(prompt, **fields)


def _key(text: str | Tag) -> str:
    """Return what two tags that are the same share: the name, without weight and ``@``."""
    if isinstance(text, Tag):
        return text_to_name(text.text.removeprefix("@"))
    if not is_everyday(text) and any(sign in text for sign in "()"):
        placed: list[Placed] = [item for item in read_items(text).placed if item.section is not Section.TEXT]
        if len(placed) == 1:
            return text_to_name(placed[0].text.removeprefix("@"))
    return text_to_name(text.removeprefix("@"))
