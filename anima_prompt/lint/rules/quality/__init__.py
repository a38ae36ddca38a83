"""Quality words and scores (ANI4)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.quality import (
    foreign_quality,
    low_quality_in_positive,
    missing_quality,
    quality_contradiction,
    quality_untrained,
    quality_with_aesthetic,
    score_invalid,
    score_no_underscore,
    score_up_suffix,
    score_with_aesthetic,
)

RULES: tuple[Rule, ...] = (
    score_no_underscore.RULE,
    score_invalid.RULE,
    score_up_suffix.RULE,
    score_with_aesthetic.RULE,
    quality_with_aesthetic.RULE,
    foreign_quality.RULE,
    quality_contradiction.RULE,
    low_quality_in_positive.RULE,
    missing_quality.RULE,
    quality_untrained.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
