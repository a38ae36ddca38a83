"""Prompt to text, for one front end.

Knows the layout (data-set line, opening sentences, tags, sentences, closing tags) and each dialect's escapes; reports
what the dialect cannot say. Source of the layout: Anima model card, prompting guide.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from anima_prompt.diagnostics import Diagnostic, Severity
from anima_prompt.dialects import Dialect
from anima_prompt.names import escape, unescape
from anima_prompt.prompt.convert import convert
from anima_prompt.prompt.model import ONE, Prompt, Sentence, Tag
from anima_prompt.sections import TAG_SECTIONS
from anima_prompt.syntax.prose import is_abbreviation

_ENDS = (".", "!", "?", "…", "。", "！", "？")
_CLOSED = (*_ENDS, *(mark + quote for mark in _ENDS for quote in '"”’)'))


@dataclass(frozen=True, slots=True)
class Printed:
    """A text and what it could not say. Spans are in ``text``."""

    text: str
    diagnostics: tuple[Diagnostic, ...] = ()


def print_prompt(prompt: Prompt, dialect: str | Dialect = Dialect.COMFYUI) -> Printed:
    """Return the canonical text of ``prompt`` for ``dialect`` and a diagnostic for everything that it loses.

    Raises:
        DialectError: unknown dialect.

    >>> printed = print_prompt(Prompt.parse("(smile:1.2)"), "plain")
    >>> printed.text, printed.diagnostics[0].name
    ('smile', 'weight-dropped')
    """
    printer = _Printer(Dialect.of(dialect))
    printer.prompt(prompt)
    return Printed("".join(printer.parts), tuple(printer.diagnostics))


def weight_text(weight: Decimal) -> str:
    """Return a weight without an exponent, its digits as written.

    >>> weight_text(Decimal("1.20")), weight_text(Decimal("1E+1"))
    ('1.20', '10')
    """
    return format(weight, "f")


class _Printer:
    """The text so far, in parts, and the diagnostics so far."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.parts: list[str] = []
        self.length = 0
        self.diagnostics: list[Diagnostic] = []

    def put(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)

    def prompt(self, prompt: Prompt) -> None:
        body = bool(prompt.sentences) or any(getattr(prompt, s.value) for s in TAG_SECTIONS)
        lines = [*(tag.text for tag in prompt.dataset), *prompt.comments]
        self.put("\n".join(lines) + ("\n" if lines and body else ""))
        tags = [tag for section in TAG_SECTIONS for tag in getattr(prompt, section.value)]
        before = [s for s in prompt.sentences if s.place == "before"]
        after = [s for s in prompt.sentences if s.place == "after"]
        self.sentences(before)
        if before and tags:
            self.put(_behind(before[-1]))
        self.tags(tags)
        if tags and after:
            self.put(_stop(tags[-1]))
        self.sentences(after)
        if prompt.closing:
            self.put(_behind(after[-1]))
            self.tags(list(prompt.closing))

    def sentences(self, sentences: list[Sentence]) -> None:
        for position, sentence in enumerate(sentences):
            if position:
                self.put(_behind(sentences[position - 1]))
            self.converted(sentence.text)

    def tags(self, tags: list[Tag]) -> None:
        for position, tag in enumerate(tags):
            if position:
                self.put(", ")
            self.tag(tag)

    def tag(self, tag: Tag) -> None:
        start = self.length
        weighted = tag.weight != ONE and self.dialect.reads_weights
        self.put("(" if weighted else "")
        if tag.verbatim is not None:
            self.converted(tag.text, tag.verbatim)
        else:
            self.put(escape(unescape(tag.text), self.dialect))
        self.put(f":{weight_text(tag.weight)})" if weighted else "")
        if tag.weight != ONE and not weighted:
            message = f"'{tag.text}' has weight {weight_text(tag.weight)}, which {self.dialect} cannot say"
            self.diagnostics.append(Diagnostic("weight-dropped", Severity.WARNING, start, self.length, message))

    def converted(self, text: str, source: Dialect = Dialect.COMFYUI) -> None:
        """Put a text that may hold markup of its own."""
        conversion = convert(text, source, self.dialect)
        start = self.length
        self.put(conversion.text)
        for found in conversion.diagnostics:
            self.diagnostics.append(Diagnostic(found.name, found.severity, start, self.length, found.message))


def _behind(sentence: Sentence) -> str:
    """What follows a sentence: a space, or a line break where the sentence does not close itself."""
    return " " if sentence.text.endswith(_CLOSED) else "\n"


def _stop(tag: Tag) -> str:
    """What closes a run of tags before a sentence: a full stop, or a comma where a full stop would be misread."""
    text = f"{tag.text}."
    if tag.weight == ONE and (
        tag.text.endswith(_ENDS)
        or not (tag.text[-1].isalnum() or tag.text[-1] == ")")
        or is_abbreviation(text, len(text))
    ):
        return ", "
    return ". "
