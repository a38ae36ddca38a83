"""``score_10``: a score out of range."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain

_SCORE = re.compile(r"score_(\d+(?:\.\d+)?)")


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag a score other than ``score_1`` to ``score_9``."""
    match = _SCORE.fullmatch(facts.text) if facts.text.startswith("score_") else None
    if match and match[1] not in "123456789":
        right = f"score_{min(max(round(float(match[1])), 1), 9)}"
        yield finding_at((0, len(facts.text)), f"scores range from score_1 to score_9; write {right}", write=right)


RULE = Rule(
    code="ANI402",
    name="score-invalid",
    severity=Severity.ERROR,
    reason="Scores come from an aesthetic model with nine levels, score_1 to score_9. Source: model card.",
    bad=(Example("score_10, 1girl", "score_9, 1girl"), *plain("score_0, 1girl", "score_7.5, 1girl")),
    good=plain("score_9, 1girl", "score_1"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
