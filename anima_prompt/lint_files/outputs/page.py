"""Findings as one HTML page that opens from disk: counts by rule, filters, and every prompt with its marks.

Everything that comes from a prompt or a file name is escaped; the page loads nothing and its policy forbids it to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from anima_prompt.diagnostics import Diagnostic, Severity
from anima_prompt.lint.registry import all_rules
from anima_prompt.lint_files.outputs import Echo
from anima_prompt.lint_files.outputs.rows import Row, rows
from anima_prompt.numbers import counted
from anima_prompt.pages import fragment, inline, render_page

if TYPE_CHECKING:
    from markupsafe import Markup

    from anima_prompt.lint_files.report import Report

_ASSETS = Path(__file__).parent / "assets"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


class HtmlPage:
    """One self-contained page."""

    def __init__(self, echo: Echo) -> None:
        """Write through ``echo``."""
        self.echo = echo
        self.counts: Counter[tuple[str, str, Severity]] = Counter()
        self.files: set[str] = set()
        self.prompts = 0
        self.articles: list[Markup] = []
        self.errors: list[str] = []

    def report(self, report: Report) -> None:
        """Take a file's findings."""
        self.prompts += len(report.pieces)
        self.files.add(report.path)
        self.errors += report.errors
        by_piece: dict[int, list[Row]] = {}
        for row in rows(report):
            by_piece.setdefault(id(row.piece), []).append(row)
            if not row.more:
                self.counts[row.diagnostic.code, row.diagnostic.name, row.diagnostic.severity] += 1
        for hidden in report.hidden:
            for severity, count in hidden.severities.items():
                self.counts[hidden.first.code, hidden.first.name, severity] += count
        self.articles += [_article(found) for found in by_piece.values()]

    def close(self) -> None:
        """Write the page."""
        totals: Counter[Severity] = Counter()
        for (_, _, severity), count in self.counts.items():
            totals[severity] += count
        reasons = {rule.code: rule.reason for rule in all_rules()}
        by_count = sorted(self.counts.items(), key=lambda pair: (-pair[1], pair[0]))
        self.echo(
            render_page(
                _ASSETS / "page.html",
                policy=_POLICY,
                style=inline(_ASSETS / "page.css"),
                script=inline(_ASSETS / "page.js"),
                contents=f"{counted(self.prompts, 'prompt')} in {counted(len(self.files), 'file')}",
                totals=[(severity, totals[severity], _plural(severity, totals[severity])) for severity in Severity],
                errors=self.errors,
                rules=[
                    (code, name, severity, count, reasons.get(code, "")) for (code, name, severity), count in by_count
                ],
                levels=[(severity, _plural(severity, 2)) for severity in Severity],
                articles=self.articles,
            )
        )


def _plural(severity: Severity, count: int) -> str:
    return severity if count == 1 or severity is Severity.INFO else f"{severity}s"


def _article(found: list[Row]) -> Markup:
    first = found[0]
    document = first.piece.document
    shown = [row.diagnostic for row in found if not row.more]
    texts = [_marked(document.prompt, [d for d in shown if d.part == "prompt"])]
    if document.negative:
        texts.append(_marked(document.negative, [d for d in shown if d.part == "negative"]))
    return fragment(
        _ASSETS / "article.html",
        path=first.path,
        place=first.piece.place,
        line=first.piece.line,
        texts=texts,
        findings=[(row.diagnostic, any(fix.safe for fix in row.diagnostic.fixes)) for row in found],
    )


class _Stretch(NamedTuple):
    """A part of a text, and the diagnostic that it shows."""

    body: str
    grade: Diagnostic | None


def _marked(text: str, diagnostics: list[Diagnostic]) -> list[_Stretch]:
    """Return a text with its spans; where spans overlap, the gravest one shows, of several the last."""
    return [_Stretch(text[start:end], grade) for start, end, grade in _painted(len(text), diagnostics)]


def _painted(length: int, diagnostics: list[Diagnostic]) -> Iterator[tuple[int, int, Diagnostic | None]]:
    """Yield the stretches of a text, each with the diagnostic that shows there, from left to right."""
    spans = sorted((d.start, d.severity.rank, -place, min(d.end, length), d) for place, d in enumerate(diagnostics))
    bounds = sorted({0, length, *(span[0] for span in spans), *(span[3] for span in spans)})
    waiting = spans[::-1]
    open_spans: list[tuple[int, int, int, Diagnostic]] = []
    stretch: tuple[int, int, Diagnostic | None] | None = None
    for start, end in pairwise(place for place in bounds if place <= length):
        while waiting and waiting[-1][0] <= start:
            _, rank, place, stop, diagnostic = waiting.pop()
            heappush(open_spans, (rank, place, stop, diagnostic))
        while open_spans and open_spans[0][2] <= start:
            heappop(open_spans)
        grade = open_spans[0][3] if open_spans else None
        if stretch is not None and stretch[2] is grade:
            stretch = stretch[0], end, grade
            continue
        if stretch is not None:
            yield stretch
        stretch = start, end, grade
    if stretch is not None:
        yield stretch
