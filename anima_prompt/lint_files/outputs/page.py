"""Findings as one HTML page that opens from disk: counts by rule, filters, and every prompt with its marks.

Everything that comes from a prompt or a file name is escaped; the page loads nothing and its policy forbids it to.
"""

from __future__ import annotations

from collections import Counter
from html import escape as escape_html
from pathlib import Path
from typing import TYPE_CHECKING

from anima_prompt.diagnostics import Diagnostic, Severity
from anima_prompt.escapes import visible
from anima_prompt.lint.registry import all_rules
from anima_prompt.lint_files.outputs import Echo
from anima_prompt.lint_files.outputs.rows import Row, rows
from anima_prompt.numbers import counted

if TYPE_CHECKING:
    from anima_prompt.lint_files.runner import Report

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


class Page:
    """One self-contained page."""

    def __init__(self, echo: Echo) -> None:
        """Write through ``echo``."""
        self.echo = echo
        self.counts: Counter[tuple[str, str, Severity]] = Counter()
        self.files: set[str] = set()
        self.prompts = 0
        self.articles: list[str] = []
        self.errors: list[str] = []

    def report(self, report: Report) -> None:
        """Take a file's findings."""
        self.prompts += len(report.pieces)
        self.files.add(report.path)
        self.errors += report.errors
        by_piece: dict[int, list[Row]] = {}
        for row in rows(report):
            by_piece.setdefault(id(row.piece), []).append(row)
            self.counts[row.diagnostic.code, row.diagnostic.name, row.diagnostic.severity] += 1
        self.articles += [_article(found) for found in by_piece.values()]

    def close(self) -> None:
        """Write the page."""
        totals: Counter[Severity] = Counter()
        for (_, _, severity), count in self.counts.items():
            totals[severity] += count
        numbers = "".join(f'<span class="{s}"><b>{totals[s]}</b> {_plural(s, totals[s])}</span>' for s in Severity)
        reasons = {rule.code: rule.reason for rule in all_rules()}
        table = "".join(
            f'<tr tabindex="0" role="button" aria-pressed="false" data-code="{escape(code)}" '
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
            f"<style>{_beside('page.css')}</style></head><body><h1>Prompt findings</h1>"
            f'<p class="faint">{counted(self.prompts, "prompt")} in {counted(len(self.files), "file")}</p>'
            f'<div class="totals">{numbers}</div>{problems}'
            f'<div class="rules" tabindex="0" role="region" aria-label="Rules">'
            f"<table><thead><tr>{heads}</tr></thead><tbody>{table}</tbody></table></div>"
            '<div class="tools"><input id="query" type="search" placeholder="Search prompts, files, messages" '
            'aria-label="Search"><select id="level" aria-label="Severity"><option value="">all severities</option>'
            f'{levels}</select></div><p class="faint" id="shown" aria-live="polite"></p>'
            f"{''.join(self.articles) or ('' if self.errors else '<p>No findings.</p>')}"
            f"<script>{_beside('page.js')}</script></body></html>\n"
        )


def escape(text: str) -> str:
    """Return a text as HTML, control characters as visible escapes."""
    return escape_html(visible(text, keep="\n\t"))


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _plural(severity: Severity, count: int) -> str:
    return severity if count == 1 or severity is Severity.INFO else f"{severity}s"


def _article(found: list[Row]) -> str:
    first = found[0]
    place = f" <span class='faint'>{escape(first.piece.place)}</span>" if first.piece.place else f":{first.piece.line}"
    document = first.piece.document
    texts = [_marked(document.prompt, [r.diagnostic for r in found if r.diagnostic.part == "prompt"])]
    if document.negative:
        texts.append(_marked(document.negative, [r.diagnostic for r in found if r.diagnostic.part == "negative"]))
    items = "".join(_item(row) for row in found)
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
    """Return a text with its spans marked; where spans overlap, the gravest one shows."""
    grades: list[Diagnostic | None] = [None] * len(text)
    for d in sorted(diagnostics, key=lambda d: -d.severity.rank):
        for place in range(d.start, min(d.end, len(text))):
            grades[place] = d
    pieces = []
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or grades[place] is not grades[start]:
            body, grade = escape(text[start:place]), grades[start]
            if grade is None:
                pieces.append(body)
            else:
                title = escape(f"{grade.code} {grade.message}")
                pieces.append(f'<mark class="{grade.severity}" title="{title}">{body}</mark>')
            start = place
    return "".join(pieces)
