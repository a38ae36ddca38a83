"""``[a:b:0.5]``, ``[a|b]``: a schedule in a front end that does not support schedules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.syntax import nodes as syntax

_NUMBER = re.compile(r"\s*\d*\.?\d+\s*")


def check(context: Context) -> Iterator[Finding]:
    """Flag a bracket with a schedule (``[a:b:0.5]``) or an alternation (``[a|b]``)."""
    dialect = context.environment.dialect
    title = dialect.label
    node_advice = ", or use a prompt scheduling node" if dialect is Dialect.COMFYUI else ""
    for node, level, place in context.brackets:
        if node.kind == "lowered":
            continue
        inner = context.source[node.start + 1 : node.end - 1]
        parts = inner.split("|") if node.kind == "alternation" else inner.split(":")
        if node.kind == "schedule" and _NUMBER.fullmatch(parts[-1]):
            parts = parts[:-1]
        right = ", ".join(part.strip() for part in parts if part.strip())
        clean = level.nodes[place] is node and right and not set(inner) & set("()[]")
        message = f"{title} reads {quoted(node_text(context, node))} as text; write {quoted(right)}{node_advice}"
        yield finding_at(node, message, write=right if clean else None)


def node_text(context: Context, node: syntax.Bracket) -> str:
    """Return the source text of a bracket."""
    return context.source[node.start : node.end]


RULE = Rule(
    code="ANI113",
    name="schedule-unsupported",
    severity=Severity.ERROR,
    reason="Only A1111-style front ends support prompt editing and alternation; ComfyUI (without prompt-control nodes) and "
    "InvokeAI pass the brackets, colons and numbers to the model as text.",
    bad=(
        Example("1girl, [@wlop:@kantoku:0.5], smile", "1girl, @wlop, @kantoku, smile"),
        Example("1girl, [hat|cap]", "1girl, hat, cap"),
        Example("1girl, [hat:0.3]", "1girl, hat"),
    ),
    good=(*plain("1girl, @wlop, @kantoku", "1girl, |_|"), Example("1girl, [hat|cap]", dialect=Dialect.A1111)),
    fix=Safety.UNSAFE,
    check=check,
    needs="[",
    dialects=frozenset((Dialect.COMFYUI, Dialect.INVOKEAI)),
)
