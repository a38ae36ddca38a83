"""A quotation that does not close."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Finding, Rule, found, plain


def check(context: Context) -> Iterator[Finding]:
    """Flag a quotation without a closing quote."""
    for diagnostic in context.tree.diagnostics:
        if diagnostic.name == "quote-unclosed":
            yield found(diagnostic, diagnostic.message)


RULE = Rule(
    code="ANI122",
    name="quote-unclosed",
    severity=Severity.WARNING,
    reason="Text to draw is written in double quotes; without the closing quote its end is unknown.",
    bad=plain('1girl, sign, "HELLO'),
    good=plain('1girl, sign, "HELLO"', "don't say lazy"),
    check=check,
    needs='"“「',
)
