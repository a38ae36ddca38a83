"""A brace without a partner."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Finding, Rule, found, plain, quoted


def check(context: Context) -> Iterator[Finding]:
    """Flag a brace without a partner, unless it is part of a known tag."""
    for node in context.malformed:
        if node.reason == "bracket-unbalanced" and not context.environment.is_known(context.unit_at(node.start)):
            yield found(node, f"{quoted(node.text)} has no partner; close it or remove it")


RULE = Rule(
    code="ANI123",
    name="bracket-unbalanced",
    severity=Severity.WARNING,
    reason="Half a choice or variable is left over from a template, and the model reads the brace as text.",
    bad=plain("1girl, {red hair, smile", "1girl, red} hair"),
    good=plain("1girl, red hair", "1girl, \\o/"),
    check=check,
    needs="{}",
)
