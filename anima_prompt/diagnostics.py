"""Diagnostics of the parser, the converter and the linter: severity, span, message and fixes.

Knows nothing of rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

Part: TypeAlias = Literal["prompt", "negative"]
"""The text that a span refers to: the prompt or its negative prompt."""


class Severity(StrEnum):
    """Severity of a diagnostic: the image is wrong, probably wrong, or could be better."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for an error, 2 for information."""
        return _RANKS[self]


_RANKS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``start`` to ``end`` of one of the two texts."""

    start: int
    end: int
    text: str
    part: Part = "prompt"


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that fix a diagnostic; they are applied together or not at all.

    Attributes:
        edits: replacements that do not overlap.
        safe: whether the intended image stays the same.
    """

    edits: tuple[Edit, ...]
    safe: bool


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    Attributes:
        name: kebab-case name of the fault (``underscore-tag``).
        severity: see :class:`Severity`.
        start, end: span in the text, 0-based code points, end exclusive.
        message: one line with the fault and the next step.
        code: the linter's code (``ANI101``), empty for diagnostics of the parser and the converter.
        fixes: alternative fixes, the best first.
        part: whether the span is in the prompt or in its negative prompt.
    """

    name: str
    severity: Severity
    start: int
    end: int
    message: str
    code: str = ""
    fixes: tuple[Fix, ...] = ()
    part: Part = "prompt"

    def to_dict(self) -> dict[str, str | int]:
        """Return a JSON-ready mapping."""
        return {
            "name": self.name,
            "severity": self.severity.value,
            "start": self.start,
            "end": self.end,
            "message": self.message,
        }
