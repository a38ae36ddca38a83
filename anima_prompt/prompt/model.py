"""The structured prompt: sections in the model's order, sentences, and a negative prompt beside them.

Everything is frozen; every edit returns a new prompt. Knows sections, tags and weights; parsing, printing and
vocabulary look-ups live beside it and are reached through the methods of :class:`Prompt`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from anima_prompt.dialects import Dialect
from anima_prompt.errors import PromptError
from anima_prompt.names import escape, is_everyday, spaced, squeezed, text_to_name, unescape
from anima_prompt.sections import TAG_SECTIONS, Section

if TYPE_CHECKING:
    from anima_prompt.vocabulary import Vocabulary

Weight: TypeAlias = Decimal | int | float | str
Place: TypeAlias = Literal["before", "after"]
Role: TypeAlias = Literal["positive", "negative"]

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Tag:
    r"""One tag of a prompt. Its text is brought into canonical spelling when the tag is made.

    Attributes:
        text: as ComfyUI reads it: parentheses escaped, single spaces, no underscores where the name has none
            (``fern \(sousou no frieren\)``); behind an ``@`` underscores stay, LoRA triggers have them.
        weight: exact, as written.
        verbatim: set if the text holds markup that has no structured form (a wildcard, a schedule, a partly weighted
            tag); names the dialect whose markup it is. Such a text is printed as it stands.

    Raises:
        PromptError: the text is empty, holds a comma or a line break outside ``verbatim``, or the weight is not finite.
    """

    text: str
    weight: Decimal = ONE
    verbatim: Dialect | None = None

    def __post_init__(self) -> None:
        if self.verbatim is None and not is_everyday(self.text):
            object.__setattr__(self, "text", _spelled(self.text))
        if not self.text or self.text.isspace():
            raise PromptError("a tag is empty; give it a text such as 'long hair'")
        if not self.weight.is_finite():
            raise PromptError(f"weight of '{self.text}' is {self.weight}; expected a finite number")

    @classmethod
    def of(cls, text: str | Tag, weight: Weight | None = None) -> Tag:
        r"""Return a tag from a text and a weight in any numeric form.

        >>> Tag.of("  len_(tsukihime) ", 1.2)
        Tag(text='len \\(tsukihime\\)', weight=Decimal('1.2'), verbatim=None)
        """
        if isinstance(text, Tag):
            return text if weight is None else replace(text, weight=exact(weight))
        return cls(text, ONE if weight is None else exact(weight))

    @property
    def name(self) -> str:
        """The canonical name, an artist's without its ``@``."""
        return text_to_name(self.text.removeprefix("@"))


@dataclass(frozen=True, slots=True)
class Sentence:
    """One piece of natural language, as ComfyUI reads it, and its place: ``before`` all tags, or ``after`` them.

    Sentences with tags on both sides are ``after``; the tags behind them are the prompt's ``closing`` tags.
    """

    text: str
    place: Place = "after"

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise PromptError("a sentence is empty; leave it out instead")
        if "\n" in self.text or "\r" in self.text:
            raise PromptError(f"sentence '{self.text[:40]}' holds a line break; give each sentence on its own")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt in sections. Iterate :meth:`tags` for all of them in print order.

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
    role: Role = "positive"

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
        from anima_prompt.prompt.reader import read

        beside = None if negative is None else read(negative, dialect=dialect, vocabulary=vocabulary).prompt
        return replace(read(text, dialect=dialect, vocabulary=vocabulary).prompt, negative=beside)

    def to_text(self, dialect: str | Dialect = Dialect.COMFYUI) -> str:
        r"""Return the canonical text for a front end; :func:`anima_prompt.print_prompt` also says what got lost.

        >>> Prompt(character=(Tag("fern \\(sousou no frieren\\)"),)).to_text("plain")
        'fern (sousou no frieren)'
        """
        from anima_prompt.prompt.printer import print_prompt

        return print_prompt(self, dialect).text

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Prompt:
        """Build a prompt from a mapping as :meth:`to_dict` gives it.

        Raises:
            PromptError: unknown key, wrong type, bad weight.
        """
        from anima_prompt.prompt.mapping import prompt_from_dict

        return prompt_from_dict(data)

    def to_dict(self) -> dict[str, Any]:
        """Return a mapping of plain types, empty sections left out; JSON and YAML hold it without loss."""
        from anima_prompt.prompt.mapping import prompt_to_dict

        return prompt_to_dict(self)

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

    def find(self, text: str) -> tuple[Section, Tag] | None:
        """Return the first tag that is the same as ``text`` but for case, underscores and ``@``, or None."""
        wanted = _key(text)
        return next((pair for pair in self.tags() if _key(pair[1].text) == wanted), None)

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

    def with_section(self, section: str | Section, tags: Iterable[str | Tag]) -> Prompt:
        """Return the prompt with the whole section replaced; ``general`` also loses its closing tags."""
        key = _tag_section(section)
        changed = replace(self, closing=()) if key is Section.GENERAL else self
        return with_fields(changed, {key.value: tuple(Tag.of(tag) for tag in tags)})

    def add(
        self,
        tag: str | Tag,
        *,
        section: str | Section | None = None,
        weight: Weight | None = None,
        index: int | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> Prompt:
        """Return the prompt with one more tag, at the end of its section or at ``index`` in it.

        Args:
            section: where to put it; the vocabulary decides if it is left out.

        >>> Prompt.parse("1girl").add("masterpiece").to_text()
        'masterpiece, 1girl'
        """
        new = Tag.of(tag, weight)
        key = _section_of(new, vocabulary) if section is None else _tag_section(section)
        if key is Section.ARTIST and section is not None and not new.text.startswith("@"):
            new = replace(new, text=f"@{new.text}")
        tags = list(getattr(self, key.value))
        tags.insert(len(tags) if index is None else index, new)
        return with_fields(self, {key.value: tuple(tags)})

    def remove(self, text: str) -> Prompt:
        """Return the prompt without any tag that is the same as ``text``.

        Raises:
            PromptError: there is no such tag.
        """
        wanted = self._wanted(text)
        return self._mapped(lambda tag: None if _key(tag.text) == wanted else tag)

    def replace(self, old: str, new: str | Tag, *, weight: Weight | None = None) -> Prompt:
        """Return the prompt with ``new`` in the place of ``old``, with the old weight unless one is given.

        Raises:
            PromptError: there is no such tag.
        """
        wanted = self._wanted(old)

        def swap(tag: Tag) -> Tag:
            if _key(tag.text) != wanted:
                return tag
            return new if isinstance(new, Tag) else Tag.of(new, tag.weight if weight is None else weight)

        return self._mapped(swap)

    def set_weight(self, text: str, weight: Weight) -> Prompt:
        """Return the prompt with another weight on a tag.

        Raises:
            PromptError: there is no such tag, or the weight is no finite number.

        >>> Prompt.parse("1girl, smile").set_weight("smile", 1.5).to_text()
        '1girl, (smile:1.5)'
        """
        wanted = self._wanted(text)
        value = exact(weight)
        return self._mapped(lambda tag: replace(tag, weight=value) if _key(tag.text) == wanted else tag)

    def move(self, text: str, *, section: str | Section | None = None, index: int | None = None) -> Prompt:
        """Return the prompt with a tag moved to another section, or to another index of its own.

        Raises:
            PromptError: there is no such tag.
        """
        self._wanted(text)
        found = self.find(text)
        assert found is not None
        target = found[0] if section is None else _tag_section(section)
        return self.remove(text).add(found[1], section=target, index=index)

    def merge(self, other: Prompt) -> Prompt:
        """Return both prompts in one; the other's tags follow in every section, without repeats."""
        merged = self
        for section in (Section.DATASET, *TAG_SECTIONS):
            present = {_key(tag.text) for tag in merged.section(section)}
            extra = [tag for tag in other.section(section) if _key(tag.text) not in present]
            merged = with_fields(merged, {section.value: (*getattr(merged, section.value), *extra)})
        texts = {sentence.text for sentence in self.sentences}
        sentences = self.sentences + tuple(s for s in other.sentences if s.text not in texts)
        comments = tuple(dict.fromkeys(self.comments + other.comments))
        sides = [side for side in (self.negative, other.negative) if side is not None]
        beside = sides[0].merge(sides[-1]) if sides else None
        return replace(merged, sentences=sentences, comments=comments, negative=beside)

    def swapped(self) -> Prompt:
        """Return the prompt with positive and negative exchanged."""
        positive = replace(self.negative or Prompt(), role="positive", negative=None)
        return replace(positive, negative=replace(self, negative=None))

    def to_negative(self, *texts: str) -> Prompt:
        """Return the prompt with tags moved from the positive to the negative side.

        Raises:
            PromptError: a tag is not in the positive prompt.

        >>> moved = Prompt.parse("1girl, blurry").to_negative("blurry")
        >>> moved.to_text(), moved.negative.to_text()
        ('1girl', 'blurry')
        """
        positive, negative = self, self.negative or Prompt(role="negative")
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

    def _wanted(self, text: str) -> str:
        if self.find(text) is None:
            present = ", ".join(tag.text for _, tag in self.tags()) or "nothing"
            raise PromptError(f"there is no tag '{text}' in the prompt; it holds {present}")
        return _key(text)

    def _mapped(self, change: Any) -> Prompt:
        fields = {}
        for key in (Section.DATASET, *TAG_SECTIONS, "closing"):
            name = str(key)
            changed = (change(tag) for tag in getattr(self, name))
            fields[name] = tuple(tag for tag in changed if tag is not None)
        return with_fields(self, fields)


def _spelled(text: str) -> str:
    if any(char in ",\n\r" for char in text.strip()):
        raise PromptError(f"tag '{text}' holds a comma or a line break; give each tag on its own")
    literal = squeezed(unescape(text))
    return escape(literal if literal.startswith("@") else squeezed(spaced(literal)))


def exact(weight: Weight) -> Decimal:
    """Return a weight as an exact decimal.

    Raises:
        PromptError: it is no finite number.

    >>> exact(1.1), exact("0.70")
    (Decimal('1.1'), Decimal('0.70'))
    """
    try:
        number = Decimal(str(weight).strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise PromptError(f"weight is '{weight}'; expected a finite number such as 1.2")
    return number


def _tag_section(section: str | Section) -> Section:
    key = Section.of(section)
    if key is Section.TEXT:
        raise PromptError("section 'text' holds sentences, not tags; use the field 'sentences'")
    return key


def _section_of(tag: Tag, vocabulary: Vocabulary | None) -> Section:
    from anima_prompt.vocabulary import Vocabulary

    return (vocabulary or Vocabulary.default()).section_of(tag.text)


def with_fields(prompt: Prompt, fields: Mapping[str, Any]) -> Prompt:
    """Return the prompt with fields replaced whose names are known only when the program runs."""
    return replace(prompt, **fields)


def _key(text: str) -> str:
    return text_to_name(text.removeprefix("@"))
