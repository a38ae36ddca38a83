"""``<lora:x:1>@a``: a missing comma after a LoRA reference."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import IMAGE_ROLES, Example, Finding, Rule, Safety, found
from anima_prompt.syntax import nodes as syntax


def check(context: Context) -> Iterator[Finding]:
    """Flag a tag or group that follows a LoRA reference without a comma."""
    for _, level, place in context.loras:
        after = level.nodes[place + 1] if place + 1 < len(level.nodes) else None
        if isinstance(after, syntax.Separator) and after.kind == "space":
            beyond = level.nodes[place + 2] if place + 2 < len(level.nodes) else None
            if isinstance(beyond, syntax.TagNode | syntax.Group):
                yield found(
                    beyond, "a comma is missing behind the LoRA reference", edits=[Edit(after.start, after.end, ", ")]
                )
        elif isinstance(after, syntax.TagNode | syntax.Group):
            yield found(
                after, "a comma is missing behind the LoRA reference", edits=[Edit(after.start, after.start, ", ")]
            )


RULE = Rule(
    code="ANI116",
    name="lora-missing-comma",
    severity=Severity.WARNING,
    reason="When the reference is taken out, the tags on both sides run together.",
    bad=(
        Example("1girl, <lora:x:1>@wlop", "1girl, <lora:x:1>, @wlop", dialect=Dialect.A1111),
        Example("1girl, <lora:x:1> @wlop", "1girl, <lora:x:1>, @wlop", dialect=Dialect.A1111),
    ),
    good=(
        Example("1girl, <lora:x:1>, @wlop", dialect=Dialect.A1111),
        Example("1girl <lora:x:1>", dialect=Dialect.A1111),
    ),
    fix=Safety.SAFE,
    check=check,
    needs="<",
    roles=IMAGE_ROLES,
)
