"""The same safety tag in the prompt and in the negative prompt."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, found, quoted
from anima_prompt.sections import Section


def check(context: Context) -> Iterator[Finding]:
    """Flag a safety tag that is in the negative prompt too."""
    if context.other is None:
        return
    for item in context.items:
        if item.section is Section.SAFETY and item.name in context.other.by_name:
            yield found(item, f"{quoted(item.text)} is also in the negative prompt; remove it there")


RULE = Rule(
    code="ANI413",
    name="safety-pos-neg-clash",
    severity=Severity.ERROR,
    reason="The two cancel each other out, and the rating of the image is arbitrary.",
    bad=(Example("safe, 1girl", negative="safe, nsfw"),),
    good=(Example("safe, 1girl", negative="nsfw, explicit"),),
    check=check,
    roles=POSITIVE,
)
