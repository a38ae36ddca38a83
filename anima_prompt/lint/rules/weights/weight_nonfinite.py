"""``(a:nan)``: a weight that is not a finite number, or far too large."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Finding, Rule, found, plain


def check(context: Context) -> Iterator[Finding]:
    """Flag a weight that is ``nan`` or ``inf``, or whose absolute value is above 10,000."""
    for diagnostic in context.tree.diagnostics:
        if diagnostic.name == "weight-nonfinite":
            yield found(diagnostic, diagnostic.message)
    for group in context.groups:
        if group.node.weight is not None and abs(group.node.weight) > 10_000:
            yield found(group.node.children[-1], f"a weight of {group.node.weight} is out of range; use 1.5 to 3")


RULE = Rule(
    code="ANI110",
    name="weight-nonfinite",
    severity=Severity.ERROR,
    reason="Python reads 'nan' and 'inf' as numbers, and so does ComfyUI: the conditioning becomes not-a-number and "
    "the image is black or noise.",
    bad=plain("1girl, (hat:nan)", "1girl, (hat:inf)", "1girl, (hat:1e9)"),
    good=plain("1girl, (hat:1)", "1girl, banana"),
    check=check,
    needs="(",
)
