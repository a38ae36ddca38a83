"""What the library has to say about a piece of text, with the place and, where there is one, the cure.

Knows nothing of rules; the parser, the converter and the linter all speak through these types.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

Part: TypeAlias = Literal["prompt", "negative"]
"""Which of the two texts of a prompt a span lies in."""


class Severity(StrEnum):
    """How much a diagnostic matters: the picture is wrong, probably wrong, or could be better."""

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
    """Edits that cure a diagnostic, all or none.

    Attributes:
        edits: replacements that do not overlap.
        safe: whether the picture is what the writer meant before; otherwise the fix changes it.
    """

    edits: tuple[Edit, ...]
    safe: bool


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    Attributes:
        name: kebab-case name of what was found, the same everywhere (``paren-unbalanced``).
        severity: see :class:`Severity`.
        start, end: span in the text that was read, 0-based code points, end exclusive.
        message: one line that says what is there and what to write.
        code: the linter's code (``ANI101``), empty from the parser and the converter.
        fixes: what would cure it, the best first.
        part: whether the span lies in the prompt or in its negative prompt.
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
