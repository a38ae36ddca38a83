"""The findings of a file, and the limit of shown findings.

A file of a million commas has a million findings. All of them count for exit codes, statistics and totals; after the
first findings of each rule a single row counts the rest.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from anima_prompt.diagnostics import Diagnostic, Severity
from anima_prompt.lint_files.sources import Piece

DEFAULT_MOST = 100
HINT = "--max-findings 0 shows all"


@dataclass(slots=True)
class Hidden:
    """Findings of one rule in one file that are not shown.

    Attributes:
        piece, first: the first hidden finding and its prompt.
        severities: number of findings by severity.
        safe, unsafe: number of findings with a safe fix, or only an unsafe fix.
    """

    piece: Piece
    first: Diagnostic
    severities: Counter[Severity]
    safe: int = 0
    unsafe: int = 0

    @property
    def count(self) -> int:
        """Number of hidden findings."""
        return self.severities.total()

    def add(self, diagnostic: Diagnostic) -> None:
        """Count a hidden finding."""
        self.severities[diagnostic.severity] += 1
        safe = any(fix.safe for fix in diagnostic.fixes)
        self.safe += safe
        self.unsafe += bool(diagnostic.fixes) and not safe


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of one file.

    Attributes:
        pieces, diagnostics: its prompts, and the findings of each.
        errors: one line for each part of the file that cannot be read.
        failures: one line for each rule of a plug-in that failed.
        hidden, hidden_errors: findings and errors beyond the limit, see :func:`capped`.
        has_no_prompt: whether the only error is that the file has no prompt; a searched folder may contain such files.
    """

    path: str
    pieces: tuple[Piece, ...] = ()
    diagnostics: tuple[tuple[Diagnostic, ...], ...] = ()
    errors: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    hidden_errors: int = 0
    has_no_prompt: bool = False


def capped(report: Report, most: int) -> Report:
    """Return a report with at most ``most`` findings of each rule, and as many errors; 0 means all."""
    if most <= 0:
        return report
    counts: Counter[str] = Counter()
    hidden: dict[str, Hidden] = {}
    shown_by_piece: list[tuple[Diagnostic, ...]] = []
    for piece, diagnostics in zip(report.pieces, report.diagnostics, strict=True):
        shown = []
        for diagnostic in diagnostics:
            counts[diagnostic.code] += 1
            if counts[diagnostic.code] <= most:
                shown.append(diagnostic)
                continue
            if diagnostic.code not in hidden:
                hidden[diagnostic.code] = Hidden(piece, diagnostic, Counter())
            hidden[diagnostic.code].add(diagnostic)
        shown_by_piece.append(tuple(shown))
    errors, more = report.errors, max(0, len(report.errors) - most)
    if more:
        errors = (*errors[:most], f"{report.path}: {more:,} more errors are not shown; {HINT}")
    if not hidden and not more:
        return report
    return replace(
        report,
        diagnostics=tuple(shown_by_piece),
        errors=errors,
        hidden=tuple(hidden[code] for code in sorted(hidden)),
        hidden_errors=max(0, more - 1),
    )
