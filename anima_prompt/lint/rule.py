"""Definition of a rule: code, name, severity, tested examples, and a check.

A rule looks either at single tags (``check_tag``, whose findings depend only on the tag's text and are cached) or at
the whole prompt (``check``). Knows nothing of the existing rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

from anima_prompt.diagnostics import Edit, Fix, Part, Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.document import Document, Role, Settings
from anima_prompt.profiles import DEFAULT_PROFILE

if TYPE_CHECKING:
    from anima_prompt.lint.context import Context
    from anima_prompt.lint.environment import Environment, Facts
    from anima_prompt.lint.set_context import SetContext, SetFinding

FAMILIES = {
    "0": "linter",
    "1": "syntax and weights",
    "2": "typography and Unicode",
    "3": "sections and order",
    "4": "quality, year, safety, count",
    "5": "artists",
    "6": "vocabulary",
    "7": "natural language and dataset lines",
    "8": "negative prompt",
    "9": "settings and profile",
}
"""Families by the first digit of the code."""

SET_LETTERS = "CAP"
SET_FAMILIES = {
    "1": "files of a training set",
    "2": "trigger words",
    "3": "tags of a training set",
    "4": "repetition in a training set",
}
"""Families of the rules about training sets, whose codes start with ``CAP``."""

ALL_ROLES = frozenset(Role)
IMAGE_ROLES = frozenset((Role.POSITIVE, Role.NEGATIVE, Role.REGION))
"""Texts that condition an image."""
POSITIVE = frozenset((Role.POSITIVE,))
SHOWN = frozenset((Role.POSITIVE, Role.REGION))
"""Texts that describe the image."""
WANTED = frozenset((Role.POSITIVE, Role.CAPTION, Role.REGION))
NEGATIVE = frozenset((Role.NEGATIVE,))
CAPTION = frozenset((Role.CAPTION,))


class Safety(StrEnum):
    """Whether a rule's fix may change the intended image."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of a check: a span, a message, and alternative fixes."""

    start: int
    end: int
    message: str
    edits: tuple[tuple[Edit, ...], ...] = ()
    severity: Severity | None = None
    safe: bool | None = None
    part: Part = "prompt"


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt that a rule reports or passes.

    Attributes:
        text, negative: the prompt.
        fixed: the text after this rule's fixes, safe or not; None if it is not tested.
        fixed_negative: the same for the negative prompt.
    """

    text: str
    fixed: str | None = None
    negative: str | None = None
    fixed_negative: str | None = None
    role: Role = Role.POSITIVE
    dialect: Dialect = Dialect.COMFYUI
    profile: str = DEFAULT_PROFILE
    settings: Settings = field(default_factory=Settings)

    def document(self) -> Document:
        """Return the example as input of the linter."""
        return Document(self.text, self.negative, self.role, self.dialect, self.profile, self.settings)


Check: TypeAlias = "Callable[[Context], Iterable[Finding]]"
CheckTag: TypeAlias = "Callable[[Facts, Environment], Iterable[Finding]]"
CheckSet: TypeAlias = "Callable[[SetContext], Iterable[SetFinding]]"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        code: three letters and three digits; the first digit is the family.
        name: kebab case.
        severity: default; a finding may differ where the rule says so.
        reason: why the fault matters, in one or two sentences with the source.
        bad, good: tested examples; a good example resembles a bad one.
        fix: whether the fix may change the intended image.
        check: yields the findings of the whole prompt.
        check_tag: yields the findings of one plain tag, with offsets from the start of the tag.
        check_set: yields the findings of all captions of a training set (``anima-prompt captions lint``).
        needs: the rule is skipped unless the text contains one of these characters.
        roles, dialects: roles and dialects to which the rule applies.
        default: whether it runs without being selected.
    """

    code: str
    name: str
    severity: Severity
    reason: str
    bad: tuple[Example, ...]
    good: tuple[Example, ...]
    fix: Safety = Safety.NONE
    check: Check | None = None
    check_tag: CheckTag | None = None
    check_set: CheckSet | None = None
    needs: str = ""
    roles: frozenset[Role] = ALL_ROLES
    dialects: frozenset[Dialect] = frozenset(Dialect)
    default: bool = True

    @property
    def family(self) -> str:
        """The family's name; for plug-ins the letters of the code."""
        if self.code.startswith("ANI"):
            return FAMILIES.get(self.code[3], self.code[:3])
        if self.code.startswith(SET_LETTERS):
            return SET_FAMILIES.get(self.code[3], "captions of training sets")
        return self.code.rstrip("0123456789")


class Spanned(Protocol):
    """Anything with a span."""

    @property
    def start(self) -> int:
        """First code point."""
        ...

    @property
    def end(self) -> int:
        """One past the last code point."""
        ...


def finding_at(
    span: Spanned | tuple[int, int],
    message: str,
    *,
    write: str | None = None,
    edits: Iterable[Edit | None] | None = None,
    severity: Severity | None = None,
    safe: bool | None = None,
) -> Finding:
    """Return a finding at ``span``.

    Args:
        write: replacement of the whole span.
        edits: the edits of one fix, if it changes more than the span; an edit of None means that no fix is possible.
        severity, safe: if they differ from those of the rule.
    """
    start, end = span if isinstance(span, tuple) else (span.start, span.end)
    chosen: tuple[Edit, ...] = ()
    if write is not None:
        chosen = (Edit(start, end, write),)
    elif edits is not None:
        listed = tuple(edits)
        if None not in listed:
            chosen = tuple(edit for edit in listed if edit is not None)
    return Finding(start, end, message, (chosen,) if chosen else (), severity, safe)


def quoted(text: str, limit: int = 60) -> str:
    """Return a text in quotation marks for a message, on one line, shortened to ``limit`` characters."""
    flat = " ".join(text.split())
    return f"'{flat if len(flat) <= limit else flat[: limit - 1] + '…'}'"


def fixes_of(finding: Finding, rule: Rule, part: Part) -> tuple[Fix, ...]:
    """Return the fixes of a finding, with edits in the text that was checked."""
    if rule.fix is Safety.NONE or not finding.edits:
        return ()
    safe = rule.fix is Safety.SAFE if finding.safe is None else finding.safe
    return tuple(Fix(tuple(_placed(edit, part) for edit in edits), safe) for edits in finding.edits)


def _placed(edit: Edit, part: Part) -> Edit:
    return edit if part == "prompt" or edit.part == part else Edit(edit.start, edit.end, edit.text, part)


def plain(*texts: str) -> tuple[Example, ...]:
    """Return examples with default settings."""
    return tuple(Example(text) for text in texts)


def files(*lines: str) -> tuple[Example, ...]:
    """Return one example of a training set: one file a line, ``a.png`` or ``a.txt: caption``; options come first."""
    return (Example("\n".join(lines), role=Role.CAPTION),)


def settings(**numbers: int | str | bool) -> Settings:
    """Return settings from plain numbers, for examples."""
    exact = {key: Decimal(str(numbers.pop(key))) for key in ("guidance_scale", "shift") if key in numbers}
    return Settings(**numbers, **exact)  # type: ignore[arg-type]
