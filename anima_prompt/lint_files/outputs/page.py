"""Findings as one HTML page that opens from disk: counts by rule, filters, and every prompt with its marks.

Prompts and file names are escaped; the page loads nothing, and its content security policy forbids it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from heapq import heappop, heappush
from html import escape as escape_html
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from anima_prompt.diagnostics import Diagnostic, Severity
from anima_prompt.escapes import visible
from anima_prompt.lint.registry import all_rules
from anima_prompt.lint_files.outputs import Echo
from anima_prompt.lint_files.outputs.rows import Row, rows
from anima_prompt.numbers import counted

if TYPE_CHECKING:
    from anima_prompt.lint_files.report import Report

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


class HtmlPage:
    """A self-contained page."""

    def __init__(self, echo: Echo) -> None:
        """Write through ``echo``."""
        self.echo = echo
        self.counts: Counter[tuple[str, str, Severity]] = Counter()
        self.files: set[str] = set()
        self.prompts = 0
        self.articles: list[str] = []
        self.errors: list[str] = []

    def report(self, report: Report) -> None:
        """Collect a file's findings."""
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
        self.articles += [_article(findings) for findings in by_piece.values()]

    def close(self) -> None:
        """Write the page."""
        totals: Counter[Severity] = Counter()
        for (_, _, severity), count in self.counts.items():
            totals[severity] += count
        numbers = "".join(f'<span class="{s}"><b>{totals[s]}</b> {_plural(s, totals[s])}</span>' for s in Severity)
        reasons = {rule.code: rule.reason for rule in all_rules()}
        table = "".join(
            f'<tr tabindex="0" role="button" aria-pressed="false" data-code="{escape(code)}" '
            f'data-severity="{severity}" '
            f'title="{escape(reasons.get(code, ""))}"><td class="number">{count}</td><td>{escape(code)}</td>'
            f'<td class="{severity}">{severity}</td><td>{escape(name)}</td></tr>'
            for (code, name, severity), count in sorted(self.counts.items(), key=lambda pair: (-pair[1], pair[0]))
        )
        columns = ("Count", "Code", "Severity", "Rule")
        heads = "".join(f'<th scope="col"><button type="button">{column}</button></th>' for column in columns)
        problems = "".join(f'<p class="error">{escape(error)}</p>' for error in self.errors)
        levels = "".join(f'<option value="{s}">{_plural(s, 2)} only</option>' for s in Severity)
        self.echo(
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><title>Prompt findings</title>'
            f"<style>{_asset('page.css')}</style></head><body><h1>Prompt findings</h1>"
            f'<p class="faint">{counted(self.prompts, "prompt")} in {counted(len(self.files), "file")}</p>'
            f'<div class="totals">{numbers}</div>{problems}'
            f'<div class="rules" tabindex="0" role="region" aria-label="Rules">'
            f"<table><thead><tr>{heads}</tr></thead><tbody>{table}</tbody></table></div>"
            '<div class="tools"><input id="query" type="search" placeholder="Search prompts, files, messages" '
            'aria-label="Search"><select id="level" aria-label="Severity"><option value="">all severities</option>'
            f'{levels}</select></div><p class="faint" id="shown" aria-live="polite"></p>'
            f"{''.join(self.articles) or ('' if self.errors else '<p>No findings.</p>')}"
            f"<script>{_asset('page.js')}</script></body></html>\n"
        )


def escape(text: str) -> str:
    """Return a text as HTML, control characters as visible escapes."""
    return escape_html(visible(text, keep="\n\t"))


def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _plural(severity: Severity, count: int) -> str:
    return severity if count == 1 or severity is Severity.INFO else f"{severity}s"


def _article(findings: list[Row]) -> str:
    first = findings[0]
    place = f" <span class='faint'>{escape(first.piece.place)}</span>" if first.piece.place else f":{first.piece.line}"
    document = first.piece.document
    shown = [row.diagnostic for row in findings if not row.more]
    texts = [_marked(document.prompt, [d for d in shown if d.part == "prompt"])]
    if document.negative:
        texts.append(_marked(document.negative, [d for d in shown if d.part == "negative"]))
    items = "".join(_item(row) for row in findings)
    body = "".join(f"<pre>{text}</pre>" for text in texts)
    return f"<article><header>{escape(first.path)}{place}</header>{body}<ul>{items}</ul></article>"


def _item(row: Row) -> str:
    d = row.diagnostic
    fix = " <span class='faint'>(fixable)</span>" if any(fix.safe for fix in d.fixes) else ""
    return (
        f'<li data-code="{escape(d.code)}" data-severity="{d.severity}"><span class="{d.severity}">{d.severity}</span> '
        f"<code>{escape(d.code)}</code> {escape(d.name)}: {escape(d.message)}{fix}</li>"
    )


def _marked(text: str, diagnostics: list[Diagnostic]) -> str:
    """Return a text with its spans marked; of overlapping spans the most severe is shown, of equals the last."""
    pieces = []
    for start, end, grade in _painted(len(text), diagnostics):
        body = escape(text[start:end])
        if grade is None:
            pieces.append(body)
        else:
            title = escape(f"{grade.code} {grade.message}")
            pieces.append(f'<mark class="{grade.severity}" title="{title}">{body}</mark>')
    return "".join(pieces)


def _painted(length: int, diagnostics: list[Diagnostic]) -> Iterator[tuple[int, int, Diagnostic | None]]:
    """Yield the stretches of a text from left to right, each with the diagnostic that is shown."""
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
