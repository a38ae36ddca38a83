"""``[hat]`` in a front end that reads square brackets as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.syntax import nodes as syntax

_LABEL = re.compile(r"\[[A-Z][A-Z\d_ ]{2,}\]")


def check(context: Context) -> Iterator[Finding]:
    """Flag square brackets around tags; labels of community layouts (``[SCENE]``) pass."""
    title = context.environment.dialect.label
    for node, level, place in context.brackets:
        body = context.source[node.start : node.end]
        alone = level.owner is None or not isinstance(level.owner, syntax.Bracket)
        label = level.owner is None and level.nodes[0] is node and _LABEL.fullmatch(body)
        if node.kind != "lowered" or not alone or label or context.environment.is_known(body):
            continue
        depth = len(body) - len(body.lstrip("["))
        inner = body.strip("[] ")
        right = f"({inner}:{_lowered(depth)})"
        clean = level.nodes[place] is node and inner and not set(inner) & set("()[]")
        message = f"{title} reads square brackets as text; write {quoted(right)} to lower the weight"
        yield finding_at(node, message, write=right if clean else None)


def _lowered(depth: int) -> Decimal:
    return round(1 / Decimal("1.1") ** depth, 2).normalize()


RULE = Rule(
    code="ANI112",
    name="square-weight-in-comfy",
    severity=Severity.WARNING,
    reason="Only A1111-style front ends read [tag] as a weight of 1/1.1; ComfyUI and InvokeAI pass the brackets to the "
    "model as text.",
    bad=(Example("1girl, [hat], smile", "1girl, (hat:0.91), smile"),),
    good=(
        *plain("1girl, (hat:0.9)", "1girl, hat", "[SCENE] A quiet street after rain."),
        Example("1girl, [hat]", dialect=Dialect.A1111),
    ),
    fix=Safety.UNSAFE,
    check=check,
    needs="[",
    dialects=frozenset((Dialect.COMFYUI, Dialect.INVOKEAI)),
)
