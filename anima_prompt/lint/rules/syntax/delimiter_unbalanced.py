"""An unbalanced parenthesis or brace, or a quotation that is not closed."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Finding, Rule, finding_at, plain


def check(context: Context) -> Iterator[Finding]:
    """Flag an unbalanced parenthesis or brace and an unclosed quotation; paren-wrong-escape reports ``/(``."""
    for diagnostic in context.tree.diagnostics:
        if diagnostic.name == "quote-unclosed":
            yield finding_at(diagnostic, diagnostic.message, severity=Severity.WARNING)
        elif diagnostic.name == "paren-unbalanced" and context.source[max(diagnostic.start - 1, 0)] != "/":
            yield finding_at(diagnostic, diagnostic.message)
    for node in context.malformed:
        if node.reason == "bracket-unbalanced" and not context.environment.is_known(context.unit_at(node.start)):
            yield finding_at(node, _message(node.text), severity=Severity.WARNING)


def _message(brace: str) -> str:
    if brace == "}":
        return "'}' has no opening '{'; remove it"
    return f"'{brace}' is never closed; add '}}' or remove it"


RULE = Rule(
    code="ANI101",
    name="delimiter-unbalanced",
    severity=Severity.ERROR,
    reason="A front end reads an unbalanced parenthesis as text, or as a weight on everything after it; either "
    "way the intended weight is lost. Measured on ComfyUI 0.29.0. A brace is left over from a template, and text to draw "
    "without a closing quote has no known end: both are warnings.",
    bad=plain(
        "1girl, (smile:1.2, hat",
        "1girl, smile), hat",
        "1girl, {red hair, smile",
        "1girl, red} hair",
        '1girl, sign, "HELLO',
    ),
    good=plain(
        r"1girl, smile \(, hat",
        "1girl, (smile:1.2), hat",
        "A girl (the tall one:1.5) waves at the crowd.",
        "1girl, \\o/",
        '1girl, sign, "HELLO"',
        "don't say lazy",
    ),
    check=check,
    needs='(){}"“「',
)
