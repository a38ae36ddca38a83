"""``sun(light:1.5)``: a weight on a part of a word."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Finding, Rule, finding_at, plain


def check(context: Context) -> Iterator[Finding]:
    """Flag a weighted group with a letter or digit directly before or after it."""
    source = context.source
    for group in context.groups:
        node = group.node
        if node.weight is None:
            continue
        before = source[node.start - 1] if node.start else " "
        after = source[node.end] if node.end < len(source) else " "
        if before.isalnum() or after.isalnum():
            yield finding_at(
                node,
                "the weight splits a word, and each part is tokenized separately; put the weight on the whole word",
            )


RULE = Rule(
    code="ANI125",
    name="weight-splits-word",
    severity=Severity.WARNING,
    reason="Every piece with its own weight is tokenized separately, so that 'sun(light:1.5)' is no longer "
    "'sunlight'. Measured on ComfyUI 0.29.0.",
    bad=plain("1girl, sun(light:1.5)"),
    good=plain("1girl, (sunlight:1.5)", "1girl, bright (sunlight:1.5)"),
    check=check,
    needs="(",
)
