"""Several scores."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.document import Role
from anima_prompt.lint.rule import WANTED, Example, Finding, Rule, Safety, found, plain
from anima_prompt.sections import Section


def check(context: Context) -> Iterator[Finding]:
    """Flag every score after the first, if two scores differ; the fix removes the later ones."""
    scores = [item for item in context.items if item.name.startswith("score_") and item.section is Section.QUALITY]
    if len(scores) < 2 or len({item.name for item in scores}) < 2:
        return
    for item in scores[1:]:
        yield found(
            item,
            f"{item.text} after {scores[0].text}; an image has one score, keep the first",
            edits=[context.without(item)],
        )


RULE = Rule(
    code="ANI404",
    name="score-multiple",
    severity=Severity.INFO,
    reason="A training caption has one score. None of 32 official prompts has two; 12 of 125 public prompts do.",
    bad=(Example("score_9, score_8, score_7, 1girl", "score_9, 1girl"),),
    good=(*plain("score_7, masterpiece, 1girl"), Example("score_1, score_2, score_3", role=Role.NEGATIVE)),
    fix=Safety.UNSAFE,
    check=check,
    roles=WANTED,
)
