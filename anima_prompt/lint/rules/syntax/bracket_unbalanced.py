"""A brace without a partner."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Finding, Rule, found, plain


def check(context: Context) -> Iterator[Finding]:
    """Flag a brace without a partner, unless it is part of a known tag."""
    for node in context.malformed:
        if node.reason == "bracket-unbalanced" and not context.environment.is_known(context.unit_at(node.start)):
            yield found(node, _message(node.text))


def _message(sign: str) -> str:
    if sign == "}":
        return "'}' has no opening '{'; remove it"
    return f"'{sign}' is never closed; add '}}' or remove it"


RULE = Rule(
    code="ANI123",
    name="bracket-unbalanced",
    severity=Severity.WARNING,
    reason="Half of a choice or variable is left over from a template, and the model reads the brace as text.",
    bad=plain("1girl, {red hair, smile", "1girl, red} hair"),
    good=plain("1girl, red hair", "1girl, \\o/"),
    check=check,
    needs="{}",
)
