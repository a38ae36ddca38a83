"""The same tag in the prompt and in the negative prompt."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Example, Finding, Rule, finding_at, quoted


def check(context: Context) -> Iterator[Finding]:
    """Flag a tag that is also in the negative prompt."""
    if context.counterpart is None:
        return
    negative = context.counterpart.by_name
    for name in context.by_name.keys() & negative.keys():
        item = context.by_name[name]
        if name and item.weight > 0:
            yield finding_at(item, f"{quoted(item.text)} is also in the negative prompt; remove it from one of them")


RULE = Rule(
    code="ANI801",
    name="pos-neg-overlap",
    severity=Severity.ERROR,
    reason="Guidance pushes the image towards the tag and away from it at the same time.",
    bad=(
        Example("1girl, flat color, smile", negative="worst quality, flat color"),
        Example("safe, 1girl", negative="safe, nsfw"),
    ),
    good=(
        Example("1girl, flat color", negative="worst quality, flat chest"),
        Example("safe, 1girl", negative="nsfw, explicit"),
        Example("1girl, smile", negative=""),
    ),
    check=check,
    roles=SHOWN,
)
