"""A negative prompt with too many tags."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.document import Role
from anima_prompt.lint.rule import NEGATIVE, Example, Finding, Rule, finding_at

_MOST = 40


def check(context: Context) -> Iterator[Finding]:
    """Flag a negative prompt of more than 40 tags."""
    if len(context.items) > _MOST:
        default = ", ".join(context.environment.profile.negative)
        advice = f"use a few, such as '{default}'" if default else "use a few"
        message = f"{len(context.items)} tags in the negative prompt; {advice}"
        yield finding_at((context.items[0].start, context.items[-1].end), message)


RULE = Rule(
    code="ANI803",
    name="negative-too-long",
    severity=Severity.WARNING,
    reason="Users report that long negative prompts of other models make Anima's images worse; the model card uses six tags.",
    bad=(
        Example(", ".join(f"bad thing {chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(45)), role=Role.NEGATIVE),
    ),
    good=(Example("worst quality, low quality, score_1, score_2, score_3, artist name", role=Role.NEGATIVE),),
    check=check,
    roles=NEGATIVE,
)
