"""``(close-up)``: bare parentheses, an unintended weight of 1.1."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import IMAGE_ROLES, Example, Finding, Rule, Safety, found, plain, quoted
from anima_prompt.syntax import nodes as syntax


def check(context: Context) -> Iterator[Finding]:
    """Flag an outermost pair of bare parentheses; known tags and nested groups pass."""
    for group in context.groups:
        node = group.node
        if group.depth or group.inside is not None or node.weight is not None or _is_more(node):
            continue
        body = context.source[node.start : node.end]
        inner = body[1:-1].strip()
        if not inner or context.environment.is_known(body):
            continue
        message = (
            f"{quoted(body)} is a weight of 1.1, too little to see; remove the parentheses or write ({inner[:40]}:1.5)"
        )
        yield found(node, message, write=inner)


def _is_more(node: syntax.Group) -> bool:
    """Say whether the group contains a group, a sentence or something malformed, which other rules report."""
    return any(isinstance(child, syntax.Group | syntax.Malformed | syntax.SentenceNode) for child in node.children)


RULE = Rule(
    code="ANI105",
    name="accidental-weight",
    severity=Severity.WARNING,
    reason="Bare parentheses weight their content by 1.1. Anima's adapter scales rows linearly, so that 1.1 shows "
    "next to nothing (weights of 1.5 to 3 are usual), and most such parentheses were not meant as weights at "
    "all.",
    bad=(Example("1girl, (close-up), hat", "1girl, close-up, hat"),),
    good=plain("1girl, (close-up:1.5), hat", r"1girl, watercolor \(medium\)", "1girl, ((hat:1.5), smile:1.2)"),
    fix=Safety.UNSAFE,
    check=check,
    needs="(",
    roles=IMAGE_ROLES,
    dialects=frozenset((Dialect.COMFYUI, Dialect.INVOKEAI, Dialect.A1111)),
)
