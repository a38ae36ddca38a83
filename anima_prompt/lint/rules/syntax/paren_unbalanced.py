"""An unbalanced parenthesis."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Finding, Rule, found, plain


def check(context: Context) -> Iterator[Finding]:
    """Flag an unbalanced parenthesis; paren-wrong-escape reports those after a slash."""
    for diagnostic in context.tree.diagnostics:
        if diagnostic.name == "paren-unbalanced":
            if diagnostic.start and context.source[diagnostic.start - 1] == "/":
                continue  # paren-wrong-escape reports /(
            yield found(diagnostic, diagnostic.message)


RULE = Rule(
    code="ANI101",
    name="paren-unbalanced",
    severity=Severity.ERROR,
    reason="A front end reads an unbalanced parenthesis as text, or as a weight on everything after it; either "
    "way the intended weight is lost. Measured on ComfyUI 0.29.0.",
    bad=plain("1girl, (smile:1.2, hat", "1girl, smile), hat"),
    good=plain(r"1girl, smile \(, hat", "1girl, (smile:1.2), hat", "A girl (the tall one:1.5) waves at the crowd."),
    check=check,
    needs="()",
)
