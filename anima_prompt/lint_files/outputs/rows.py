"""Findings as flat rows: what every output writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from anima_prompt.diagnostics import Diagnostic, Severity
from anima_prompt.lint.document import Document
from anima_prompt.lint_files.sources import Piece

if TYPE_CHECKING:
    from anima_prompt.lint_files.runner import Report

UNREADABLE = "unreadable-input"
"""Name of a row that is an error about an input, not a rule's finding. Its code is empty."""


class Row(NamedTuple):
    """One finding and where it is."""

    path: str
    line: int
    column: int
    piece: Piece
    diagnostic: Diagnostic

    @property
    def place(self) -> str:
        """File, line and column, for people; the node or name where lines say nothing."""
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
    """Yield the findings of a report in order."""
    path = shown_path(report)
    for piece, diagnostics in zip(report.pieces, report.diagnostics, strict=True):
        for diagnostic in diagnostics:
            line, column = piece.position(diagnostic.start, diagnostic.part)
            yield Row(path, line, column, piece, diagnostic)


def data(row: Row) -> dict[str, Any]:
    """Return a row as the JSON outputs have it; ``docs/lint-output.schema.json`` describes it."""
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
