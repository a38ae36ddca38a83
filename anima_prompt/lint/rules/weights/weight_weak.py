"""A weight between 1 and 1.3."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import IMAGE_ROLES, Finding, Rule, finding_at, plain

_LEAST = Decimal("1.3")


def check(context: Context) -> Iterator[Finding]:
    """Flag a weight between 1 and 1.3, both excluded."""
    for group in context.groups:
        weight = group.node.weight
        if weight is not None and 1 < weight < _LEAST:
            mark = group.node.children[-1]
            yield finding_at(mark, f"a weight of {weight} is barely visible with Anima; use 1.5 to 3")


RULE = Rule(
    code="ANI108",
    name="weight-weak",
    severity=Severity.INFO,
    reason="Anima's adapter scales rows linearly, unlike SDXL's interpolation, so weights of 1.1 to 1.3 have almost "
    "no effect. The model card's example is (chibi:2).",
    bad=plain("1girl, (glitch:1.1)"),
    good=plain("1girl, (glitch:2)", "1girl, (hat:0.8)", "1girl, (hat:1.3)"),
    check=check,
    needs="(",
    roles=IMAGE_ROLES,
)
