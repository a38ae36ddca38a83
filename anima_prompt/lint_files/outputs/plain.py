"""Findings for people in a terminal."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

import click

from anima_prompt.diagnostics import Severity
from anima_prompt.escapes import escape, visible
from anima_prompt.lint_files.outputs import Echo
from anima_prompt.lint_files.outputs.rows import Row, rows
from anima_prompt.lint_files.sources import line_span
from anima_prompt.numbers import counted

if TYPE_CHECKING:
    from anima_prompt.lint_files.report import Report

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
_WIDTH = 100
_LEAD = 30
_MARGIN = 6


class Concise:
    """One line a finding, and a line of totals."""

    def __init__(self, echo: Echo, *, colour: bool) -> None:
        """Write through ``echo``."""
        self.echo = echo
        self.colour = colour
        self.counts: Counter[Severity] = Counter()
        self.files: set[str] = set()
        self.safe = self.unsafe = 0
        self.errors = 0
        self.was_read = False

    def report(self, report: Report) -> None:
        """Write a file's findings; its errors go to standard error, and are counted here."""
        self.errors += len(report.errors) + report.hidden_errors
        self.was_read |= bool(report.pieces) or not report.errors
        for row in rows(report):
            if not row.more:
                self.count(row)
            self.row(row)
        for hidden in report.hidden:
            self.counts.update(hidden.severities)
            self.safe += hidden.safe
            self.unsafe += hidden.unsafe

    def row(self, row: Row) -> None:
        """Write one finding."""
        self.echo(f"{self.headline(row)}\n")

    def headline(self, row: Row) -> str:
        """Return place, code and message; a star marks what ``--fix`` cures."""
        d = row.diagnostic
        star = " [*]" if any(fix.safe for fix in d.fixes) else ""
        severity = self.styled(d.severity.value, _COLOURS[d.severity])
        return f"{self.styled(visible(row.place), None)}: {severity} {d.code}{star} {d.name}: {visible(d.message)}"

    def styled(self, text: str, colour: str | None) -> str:
        """Return a text in a colour, or bold, where the terminal shows it."""
        if not self.colour:
            return text
        return click.style(text, fg=colour) if colour else click.style(text, bold=True)

    def count(self, row: Row) -> None:
        """Take a finding into the totals."""
        self.counts[row.diagnostic.severity] += 1
        self.files.add(row.path)
        self.safe += any(fix.safe for fix in row.diagnostic.fixes)
        self.unsafe += bool(row.diagnostic.fixes) and not any(fix.safe for fix in row.diagnostic.fixes)

    def close(self) -> None:
        """Write the totals."""
        errors = counted(self.errors, "error") if self.errors else ""
        if not self.counts:
            clean = f"No findings in what was read; {errors}." if self.was_read else f"Nothing was linted; {errors}."
            self.echo(f"{clean}\n" if errors else "No findings.\n")
            return
        parts = [_counted(s, self.counts[s]) for s in Severity if self.counts[s]]
        fixes = [f"{self.safe} fixable with --fix"] if self.safe else []
        fixes += [f"{self.unsafe} {'more ' if self.safe else ''}with --unsafe-fixes"] if self.unsafe else []
        tail = (f"; {', '.join(fixes)}" if fixes else "") + (f"; {errors}" if errors else "")
        self.echo(f"Found {', '.join(parts)} in {counted(len(self.files), 'file')}{tail}.\n")


class FullText(Concise):
    """A finding with the line that it is in and carets below."""

    def row(self, row: Row) -> None:
        """Write one finding."""
        d = row.diagnostic
        self.echo(f"{self.headline(row)}\n")
        if row.more:
            self.echo("\n")
            return
        shown, low, high = _cut(row.text, line_span(row.text, d.start), (d.start, d.end))
        if not shown.strip():
            return
        number = str(row.line)
        pad = " " * len(number)
        caret = self.styled("^" * max(1, _width(shown[low:high])), _COLOURS[d.severity])
        self.echo(f"{pad} |\n{number} | {shown}\n{pad} | {' ' * _width(shown[:low])}{caret}\n\n")


def _cut(text: str, line: tuple[int, int], span: tuple[int, int]) -> tuple[str, int, int]:
    """Return the part of a line round a span, what cannot be printed as escapes, and the span in it.

    The line may be a million characters long, so that it is not copied.
    """
    low, high = span[0], max(span[0], min(span[1], line[1]))
    begin = line[0] if high - line[0] <= _WIDTH - _MARGIN else max(line[0], low - _LEAD)
    end = min(line[1], begin + _WIDTH)
    before, inside, after = (_printable(text[i:j]) for i, j in ((begin, low), (low, min(high, end)), (high, end)))
    lead, tail = "…" if begin > line[0] else "", "…" if end < line[1] else ""
    start = len(lead) + len(before)
    return f"{lead}{before}{inside}{after}{tail}", start, start + len(inside)


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else escape(c) for c in text)


def _width(text: str) -> int:
    """Return how many columns a text takes in a terminal."""
    return sum(
        2 if unicodedata.east_asian_width(char) in "WF" else 0 if unicodedata.combining(char) else 1 for char in text
    )


def _counted(severity: Severity, count: int) -> str:
    return f"{count} {severity}" if severity is Severity.INFO else counted(count, severity)


def statistics(counts: Counter[tuple[str, str, str]], *, errors: int = 0) -> str:
    """Return a table of findings by rule, most first; keys are code, name, severity."""
    if not counts:
        return f"No findings in what was read; {counted(errors, 'error')}.\n" if errors else "No findings.\n"
    wide = max(len(str(count)) for count in counts.values())
    lines = [
        f"{count:>{wide}}  {code}  {severity:7}  {name}"
        for (code, name, severity), count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    return "\n".join(lines) + "\n"
