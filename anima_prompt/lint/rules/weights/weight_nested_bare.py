"""``((masterpiece))``: a weight written as nested parentheses."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.syntax import nodes as syntax

_BARE = Decimal("1.1")


def check(context: Context) -> Iterator[Finding]:
    """Flag two or more nested pairs of parentheses without a number."""
    for group in context.groups:
        node, depth = group.node, _depth(group.node)
        if depth < 2 or (group.level.owner is not None and _depth(group.level.owner) >= 2):
            continue
        body = context.source[node.start + depth : node.end - depth]
        weight = (_BARE**depth).normalize()
        right = f"({body.strip()}:{weight})"
        simple = not any(isinstance(inner, syntax.Group) for inner in syntax.walk(_innermost(node).children))
        message = f"{depth} nested pairs of parentheses are a weight of {weight}; write {quoted(right)}, or at least 1.5 to see an effect"
        yield finding_at(node, message, write=right if simple and not context.tree.diagnostics else None)


def _depth(node: syntax.Node) -> int:
    depth = 0
    while isinstance(node, syntax.Group) and node.weight is None:
        depth += 1
        if len(node.children) != 3:
            break
        node = node.children[1]
    return depth


def _innermost(node: syntax.Group) -> syntax.Group:
    inner = node.children[1] if len(node.children) == 3 else None
    return _innermost(inner) if isinstance(inner, syntax.Group) and inner.weight is None else node


RULE = Rule(
    code="ANI106",
    name="weight-nested-bare",
    severity=Severity.WARNING,
    reason="Each pair of parentheses without a number multiplies the weight by 1.1, which is hard to count and weak. The fix "
    "writes the same weight as a number.",
    bad=(
        Example("((masterpiece)), 1girl", "(masterpiece:1.21), 1girl"),
        Example("1girl, (((hat, smile)))", "1girl, (hat, smile:1.331)"),
    ),
    good=plain("(masterpiece:1.5), 1girl", "1girl, ((hat:1.5), smile:2)"),
    fix=Safety.SAFE,
    check=check,
    needs="(",
    dialects=frozenset((Dialect.COMFYUI, Dialect.INVOKEAI, Dialect.A1111)),
)
