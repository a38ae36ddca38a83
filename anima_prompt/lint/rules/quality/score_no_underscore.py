"""``score 7``: a score without its underscore."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain

_SCORE = re.compile(r"score[ \-=:]*(\d{1,2})(?:[ _-]?up)?", re.IGNORECASE)


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag a score spelled without its underscore, such as ``score 7`` or ``score-7``."""
    if facts.text[:1] not in "sS":
        return
    match = _SCORE.fullmatch(facts.literal)
    if match:
        right = f"score_{match[1]}"
        yield finding_at((0, len(facts.text)), f"scores are written with an underscore; write {right}", write=right)


RULE = Rule(
    code="ANI401",
    name="score-no-underscore",
    severity=Severity.ERROR,
    reason="Scores are the only tags with an underscore in the training captions; 'score 7' is two words. Source: model card.",
    bad=(
        Example("masterpiece, score 7, 1girl", "masterpiece, score_7, 1girl"),
        *plain("score-7, 1girl", "score7, 1girl"),
    ),
    good=plain("masterpiece, score_7, 1girl", "musical score, 1girl"),
    fix=Safety.SAFE,
    check_tag=check_tag,
)
