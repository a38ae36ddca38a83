"""A weight above 5, 15 or 70."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import IMAGE_ROLES, Finding, Rule, finding_at, plain

_STEPS = (
    (10_000, Severity.ERROR, "is out of range"),
    (70, Severity.ERROR, "destroys the image"),
    (15, Severity.WARNING, "is far above the range reported to work"),
    (5, Severity.INFO, "is unusually high"),
)


def check(context: Context) -> Iterator[Finding]:
    """Flag a weight whose absolute value is above 5."""
    for group in context.groups:
        weight = group.node.weight
        if weight is None or abs(weight) <= 5:
            continue
        severity, effect = next((severity, effect) for limit, severity, effect in _STEPS if abs(weight) > limit)
        yield finding_at(group.node.children[-1], f"a weight of {weight} {effect}; use 1.5 to 3", severity=severity)


RULE = Rule(
    code="ANI109",
    name="weight-high",
    severity=Severity.WARNING,
    reason="One source reports intact images up to a weight of about 15 and destroyed ones near 70: above 5 is information, "
    "above 15 a warning, above 70 an error.",
    bad=plain("1girl, (chibi:80)", "1girl, (chibi:20)", "1girl, (chibi:6)", "1girl, (chibi:1e9)"),
    good=plain("1girl, (chibi:2)", "1girl, (chibi:5)"),
    check=check,
    needs="(",
    roles=IMAGE_ROLES,
)
