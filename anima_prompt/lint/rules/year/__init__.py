"""Years and periods (ANI4)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.year import (
    period_contradiction,
    year_format,
    year_range,
)

RULES: tuple[Rule, ...] = (
    year_format.RULE,
    year_range.RULE,
    period_contradiction.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
