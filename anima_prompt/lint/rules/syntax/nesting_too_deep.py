"""Brackets that are nested too deeply."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Finding, Rule, finding_at, plain


def check(context: Context) -> Iterator[Finding]:
    """Flag brackets that are nested deeper than the parser follows."""
    for diagnostic in context.tree.diagnostics:
        if diagnostic.name == "nesting-too-deep":
            yield finding_at(diagnostic, diagnostic.message)


RULE = Rule(
    code="ANI121",
    name="nesting-too-deep",
    severity=Severity.ERROR,
    reason="Front ends read nested brackets by recursion; a hundred levels are a mistake or an attack.",
    bad=plain("(" * 120 + "hat" + ")" * 120),
    good=plain("((((hat:1.5))))"),
    check=check,
    needs="([",
)
