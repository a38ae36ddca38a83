"""``(smile:1)``: a weight without effect."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain
from anima_prompt.syntax import nodes as syntax


def check(context: Context) -> Iterator[Finding]:
    """Flag an explicit weight of 1 outside other groups."""
    for group in context.groups:
        node = group.node
        if node.weight == 1 and not group.depth and group.inside is None:
            inner = context.source[node.start + 1 : node.children[-1].start].strip()
            simple = not any(isinstance(child, syntax.Group | syntax.Malformed) for child in node.children)
            right = inner if inner and simple else None
            yield finding_at(node, "a weight of 1 has no effect; remove it", write=right)


RULE = Rule(
    code="ANI124",
    name="weight-one",
    severity=Severity.INFO,
    reason="A weight of 1 has no effect. ComfyUI still splits the text at the parentheses, which can split a word's tokens.",
    bad=(Example("1girl, (smile:1.0), hat", "1girl, smile, hat"),),
    good=plain("1girl, (smile:1.5), hat", "1girl, ((smile:1), hat:1.5)"),
    fix=Safety.SAFE,
    check=check,
    needs="(",
)
