"""Quality tags that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint import words
from anima_prompt.lint.context import Context
from anima_prompt.lint.document import Role
from anima_prompt.lint.rule import WANTED, Example, Finding, Rule, finding_at, plain, quoted

_FAR = 3


def check(context: Context) -> Iterator[Finding]:
    """Flag two quality tags that are three or more ranks apart."""
    ranked = [(words.QUALITY_RANKS[item.name], item) for item in context.items if item.name in words.QUALITY_RANKS]
    if len(ranked) < 2:
        return
    best, worst = min(ranked, key=lambda pair: pair[0]), max(ranked, key=lambda pair: pair[0])
    if worst[0] - best[0] >= _FAR:
        yield finding_at(worst[1], f"{quoted(worst[1].text)} contradicts {quoted(best[1].text)}; remove one of them")


RULE = Rule(
    code="ANI408",
    name="quality-contradiction",
    severity=Severity.WARNING,
    reason="A training image has one rank from masterpiece to worst quality. Neighboring ranks do not contradict each other.",
    bad=plain("masterpiece, normal quality, 1girl", "best quality, worst quality, 1girl"),
    good=(
        *plain("masterpiece, best quality, 1girl", "normal quality, score_5, 1girl"),
        Example("low quality, worst quality", role=Role.NEGATIVE),
    ),
    check=check,
    roles=WANTED,
)
