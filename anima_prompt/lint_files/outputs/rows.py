"""Findings as flat rows, for all outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from anima_prompt.diagnostics import Diagnostic, Severity
from anima_prompt.lint.document import Document
from anima_prompt.lint_files.report import HINT
from anima_prompt.lint_files.sources import Piece

if TYPE_CHECKING:
    from anima_prompt.lint_files.report import Report

UNREADABLE = "unreadable-input"
"""Name of a row for an unreadable input. Its code is empty."""


class Row(NamedTuple):
    """A finding with its file and position."""

    path: str
    line: int
    column: int
    piece: Piece
    diagnostic: Diagnostic
    more: int = 0
    """Above 0: the row is not a finding, but counts the hidden findings of the rule."""

    @property
    def place(self) -> str:
        """File, line and column for people; the node or name if the prompt has no line."""
        where = self.piece.place
        if where and self.piece.record is None:
            return f"{self.path}[{where}]:{self.diagnostic.part}:{self.column}"
        return f"{self.path}:{self.line}:{self.column}"

    @property
    def text(self) -> str:
        """The prompt, or the negative prompt, that the finding is in."""
        document = self.piece.document
        return document.prompt if self.diagnostic.part == "prompt" else document.negative or ""


def shown_path(report: Report) -> str:
    """Return the path of a report as outputs show it."""
    return "<stdin>" if report.path == "-" else report.path


def error_rows(report: Report) -> Iterator[Row]:
    """Yield a row for every error of a report: a file or a record that cannot be read, a rule that failed."""
    path = shown_path(report)
    for error in report.errors:
        line = re.match(f"{re.escape(report.path)}:([0-9]+):", error)
        piece = Piece(Document(""), line=int(line[1]) if line else 1)
        yield Row(path, piece.line, 1, piece, Diagnostic(UNREADABLE, Severity.ERROR, 0, 0, error))


def rows(report: Report) -> Iterator[Row]:
    """Yield the findings of a report in order, then a row for each rule with findings that are not shown."""
    path = shown_path(report)
    for piece, diagnostics in zip(report.pieces, report.diagnostics, strict=True):
        for diagnostic in diagnostics:
            line, column = piece.position(diagnostic.start, diagnostic.part)
            yield Row(path, line, column, piece, diagnostic)
    for hidden in report.hidden:
        first, count = hidden.first, hidden.count
        line, column = hidden.piece.position(first.start, first.part)
        are = "finding of this rule is" if count == 1 else "findings of this rule are"
        message = f"{count:,} more {are} not shown; {HINT}"
        severity = min(hidden.severities, key=lambda severity: severity.rank)
        summary = Diagnostic(first.name, severity, first.start, first.end, message, first.code, (), first.part)
        yield Row(path, line, column, hidden.piece, summary, count)


def data(row: Row) -> dict[str, Any]:
    """Return a row for the JSON outputs; ``docs/lint-output.schema.json`` describes it."""
    d = row.diagnostic
    return {
        "path": row.path,
        "line": row.line,
        "column": row.column,
        "code": d.code,
        "name": d.name,
        "severity": d.severity.value,
        "message": d.message,
        "start": d.start,
        "end": d.end,
        "part": d.part,
        "fixes": [
            {
                "safe": fix.safe,
                "edits": [{"start": e.start, "end": e.end, "text": e.text, "part": e.part} for e in fix.edits],
            }
            for fix in d.fixes
        ],
    }
