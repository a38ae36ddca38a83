"""The parts of a prompt to text, for one front end.

Knows the layout (dataset line, opening sentences, tags, sentences, closing tags) and each dialect's escapes; reports
content without equivalent in the dialect. Source of the layout: Anima model card, prompting guide.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from anima_prompt.diagnostics import Diagnostic, Severity
from anima_prompt.dialects import Dialect
from anima_prompt.names import escape, unescape
from anima_prompt.prompt.convert import Conversion, convert
from anima_prompt.prompt.items import ONE
from anima_prompt.prompt.spelling import is_known
from anima_prompt.prompt.tag import Sentence, Tag
from anima_prompt.syntax import SentenceNode, Separator, parse
from anima_prompt.syntax.headers import BULLET
from anima_prompt.syntax.stops import is_abbreviation
from anima_prompt.vocabulary import Vocabulary

_ENDS = (".", "!", "?", "…", "。", "！", "？")
_CLOSED = (*_ENDS, *(mark + quote for mark in _ENDS for quote in '"”’)'))


@dataclass(frozen=True, slots=True)
class Printed:
    """A text, and diagnostics for prompt content without equivalent. Spans are in ``text``."""

    text: str
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of a prompt in print order: whole lines, sentences, tags, sentences, and the tags after these."""

    lines: tuple[str, ...] = ()
    before: tuple[Sentence, ...] = ()
    tags: tuple[Tag, ...] = ()
    after: tuple[Sentence, ...] = ()
    closing: tuple[Tag, ...] = ()


def print_layout(layout: Layout, dialect: str | Dialect = Dialect.COMFYUI) -> Printed:
    """Return the canonical text of ``layout`` for ``dialect`` and a diagnostic for everything that it loses.

    Raises:
        DialectError: unknown dialect.
    """
    printer = _Printer(Dialect.of(dialect))
    printer.layout(layout)
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

    def layout(self, layout: Layout) -> None:
        body = layout.before or layout.tags or layout.after or layout.closing
        self.put("\n".join(layout.lines) + ("\n" if layout.lines and body else ""))
        self.sentences(layout.before)
        gap = _behind(layout.before[-1]) if layout.before else ""
        last = self.tags(layout.tags, gap)
        if last is not None and layout.after:
            self.put(_before(_stop(last, layout.after[0]), layout.after[0]))
        elif last is not None:
            self.put(_guard(last))
        self.sentences(layout.after)
        last = self.tags(layout.closing, _behind(layout.after[-1])) if layout.closing else None
        if last is not None:
            self.put(_guard(last))

    def sentences(self, sentences: tuple[Sentence, ...]) -> None:
        for position, sentence in enumerate(sentences):
            if position:
                self.put(_before(_behind(sentences[position - 1]), sentence))
            self.converted(sentence.text)

    def tags(self, tags: tuple[Tag, ...], gap: str) -> Tag | None:
        """Put tags after ``gap``; return the last. A tag without equivalent in the dialect leaves no gap."""
        last: Tag | None = None
        for tag in tags:
            if self.tag(tag, gap):
                gap, last = ", ", tag
        return last

    def tag(self, tag: Tag, gap: str) -> bool:
        """Put a tag after a gap, unless it prints as nothing; return whether it was put."""
        start = self.length + len(gap)
        if tag.verbatim is None:
            text = escape(unescape(tag.text), self.dialect)
        else:
            conversion = convert(tag.text, tag.verbatim, self.dialect)
            text = conversion.text
            self.report(conversion, start, start + len(text))
        if not text:
            return False
        weighted = tag.weight != ONE and self.dialect.reads_weights
        if not weighted and gap[-1:] in ("", "\n") and text.startswith(("#", "//")):
            gap = ", "  # at the start of a line it would be a comment
        self.put(gap + (f"({text}:{weight_text(tag.weight)})" if weighted else text))
        if tag.weight != ONE and not weighted:
            message = f"'{tag.text}' has weight {weight_text(tag.weight)}, which {self.dialect} cannot express"
            self.diagnostics.append(Diagnostic("weight-dropped", Severity.WARNING, start, self.length, message))
        return True

    def converted(self, text: str) -> None:
        """Put a sentence, which may contain markup."""
        conversion = convert(text, Dialect.COMFYUI, self.dialect)
        start = self.length
        self.put(conversion.text)
        self.report(conversion, start, self.length)

    def report(self, conversion: Conversion, start: int, end: int) -> None:
        for lost in conversion.diagnostics:
            self.diagnostics.append(Diagnostic(lost.name, lost.severity, start, end, lost.message))


def _behind(sentence: Sentence) -> str:
    """Separator after a sentence: a space, or a line break if the sentence has no end mark."""
    return " " if sentence.text.endswith(_CLOSED) else "\n"


def _before(gap: str, sentence: Sentence) -> str:
    """Return a gap with a line break at its end if a bullet leads the sentence."""
    return f"{gap.rstrip()}\n" if BULLET.match(sentence.text) else gap


def _stop(tag: Tag, sentence: Sentence) -> str:
    """What closes a run of tags before a sentence: a full stop, or a comma or line break where it would be misread."""
    text = f"{tag.text}."
    if tag.weight == ONE and (
        tag.text.endswith(_ENDS)
        or not (tag.text[-1].isalnum() or tag.text[-1] == ")")
        or is_abbreviation(text, len(text))
    ):
        nodes = parse(f"x, {sentence.text}").nodes
        return ", " if len(nodes) == 3 and isinstance(nodes[-1], SentenceNode) else f"{_guard(tag)}\n"
    return ". "


def _guard(tag: Tag) -> str:
    """Return the comma that keeps the full stop of a tag at the end of a line: without it, it would close the list."""
    if tag.weight != ONE or not tag.text.endswith((".", "。")):
        return ""
    known = is_known(tag.text, Dialect.COMFYUI, Vocabulary.default())
    return "" if known or not isinstance(parse(f"x, {tag.text}").nodes[-1], Separator) else ","
