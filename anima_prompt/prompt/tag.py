"""The parts of a prompt: tags with exact weights, and sentences."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Literal, TypeAlias

from anima_prompt.dialects import Dialect
from anima_prompt.errors import PromptError
from anima_prompt.names import is_everyday, text_to_name
from anima_prompt.prompt.items import ONE, Placed, read_entry
from anima_prompt.prompt.spelling import canonical_text
from anima_prompt.sections import Section
from anima_prompt.vocabulary import Vocabulary

Weight: TypeAlias = Decimal | int | float | str
Place: TypeAlias = Literal["before", "after"]
PromptRole: TypeAlias = Literal["positive", "negative"]

WEIGHT_DECIMALS = 6
"""Decimals kept of a weight that was computed: a float, or a product. A weight in a text stays as written."""


@dataclass(frozen=True, slots=True)
class Tag:
    r"""One tag of a prompt.

    The constructor takes a literal: parentheses are part of the name. :meth:`of` reads a text as a prompt would, with
    weights and markup.

    Attributes:
        text: as ComfyUI reads it: parentheses escaped, single spaces, and spaces for the underscores of known names
            (``fern \(sousou no frieren\)``); an unknown name stays as written.
        weight: exact, as written.
        verbatim: the dialect of a text that contains markup without a structured form (a LoRA, a wildcard, a schedule,
            a partly weighted tag); such a text is printed as it stands.

    Raises:
        PromptError: the text is empty, contains a comma or a line break outside ``verbatim``, or the weight is not
            finite.
    """

    text: str
    weight: Decimal = ONE
    verbatim: Dialect | None = None

    def __post_init__(self) -> None:
        if self.verbatim is None and not is_everyday(self.text):
            if any(char in ",\n\r" for char in self.text.strip()):
                raise PromptError(f"tag '{self.text}' contains a comma or a line break; give each tag on its own")
            object.__setattr__(self, "text", canonical_text(self.text, Dialect.COMFYUI, Vocabulary.default()))
        if not self.text or self.text.isspace():
            raise PromptError("a tag is empty; give it a text such as 'long hair'")
        if not self.weight.is_finite():
            raise PromptError(f"weight of '{self.text}' is {self.weight}; expected a finite number")

    @classmethod
    def of(
        cls,
        text: str | Tag,
        weight: Weight | None = None,
        *,
        section: Section | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> Tag:
        r"""Return the tag of a text, read as in a prompt: ``(smile:1.2)`` has a weight, ``<lora:x:1>`` is kept.

        Args:
            weight: in any numeric form; replaces a weight in the text.
            section: where the tag will stand; see :func:`anima_prompt.prompt.items.read_entry`.

        Raises:
            PromptError: the text contains no tag or several, or the weight is not a finite number.

        >>> Tag.of("(long_hair:1.2)")
        Tag(text='long hair', weight=Decimal('1.2'), verbatim=None)
        """
        if isinstance(text, Tag):
            return text if weight is None else replace(text, weight=exact(weight))
        if not isinstance(text, str):
            raise PromptError(f"a tag is {text!r} ({type(text).__name__}); expected a text or a Tag")
        placed = read_entry(text, section, vocabulary=vocabulary)
        if len(placed) > 1:
            raise PromptError(f"'{text}' contains {len(placed)} tags, separated by a comma; give each tag on its own")
        tag = placed_tag(placed[0])
        return tag if weight is None else replace(tag, weight=exact(weight))

    @property
    def name(self) -> str:
        """The canonical name, an artist's without its ``@``."""
        return text_to_name(self.text.removeprefix("@"))

    def scaled(self, factor: Weight) -> Tag:
        """Return the tag with its weight multiplied, rounded to six decimals.

        >>> Tag.of("(smile:1.2)").scaled(1.5).weight
        Decimal('1.8')
        """
        return replace(self, weight=_rounded(self.weight * exact(factor)))


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
            raise PromptError(f"sentence '{self.text[:40]}' contains a line break; give each sentence on its own")


def placed_tag(item: Placed) -> Tag:
    """Return the tag of an item that was read."""
    return Tag(item.text, item.weight, item.verbatim)


def exact(weight: Weight) -> Decimal:
    """Return a weight as an exact decimal; a float, which has no exact text, to six decimals.

    Raises:
        PromptError: it is not a finite number.

    >>> exact(1.1), exact("0.70"), exact(0.1 + 0.2)
    (Decimal('1.1'), Decimal('0.70'), Decimal('0.3'))
    """
    try:
        number = Decimal(str(weight).strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(weight, bool) or not number.is_finite():
        raise PromptError(f"weight is '{weight}'; expected a finite number such as 1.2")
    return number if isinstance(weight, str | Decimal | int) else _rounded(number)


def _rounded(number: Decimal) -> Decimal:
    """Return a computed weight with six decimals at most, without trailing zeros or an exponent."""
    rounded = round(number, WEIGHT_DECIMALS) if number.as_tuple().exponent < -WEIGHT_DECIMALS else number  # type: ignore[operator]
    whole = rounded == rounded.to_integral_value()
    return rounded.quantize(ONE) if whole else rounded.normalize()
