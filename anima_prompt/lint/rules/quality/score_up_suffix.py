"""``score_8_up``: another model's score."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain

_SCORE = re.compile(r"score_(\d+)_up")


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag a score with the suffix ``_up``, such as ``score_8_up``."""
    match = _SCORE.fullmatch(facts.text) if facts.text.endswith("_up") else None
    if match:
        right = f"score_{min(max(int(match[1]), 1), 9)}"
        yield finding_at((0, len(facts.text)), f"the suffix '_up' belongs to Pony models; write {right}", write=right)


RULE = Rule(
    code="ANI403",
    name="score-up-suffix",
    severity=Severity.WARNING,
    reason="Pony V6 was trained with score_8_up, Anima with score_8. Source: model card.",
    bad=(Example("score_8_up, 1girl", "score_8, 1girl"),),
    good=plain("score_8, 1girl", "thumbs up, 1girl"),
    fix=Safety.SAFE,
    check_tag=check_tag,
)
