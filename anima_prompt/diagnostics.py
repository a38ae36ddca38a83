"""What the library has to say about a piece of text, with the place.

Knows nothing of rules; the parser, the converter and the linter all speak through this one type.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a diagnostic matters: the picture is wrong, probably wrong, or could be better."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    Attributes:
        name: kebab-case name of what was found, the same everywhere (``paren-unbalanced``).
        severity: see :class:`Severity`.
        start, end: span in the text that was read, 0-based code points, end exclusive.
        message: one line that says what is there and what to write.
    """

    name: str
    severity: Severity
    start: int
    end: int
    message: str

    def to_dict(self) -> dict[str, str | int]:
        """Return a JSON-ready mapping."""
        return {
            "name": self.name,
            "severity": self.severity.value,
            "start": self.start,
            "end": self.end,
            "message": self.message,
        }
