"""Count tags (ANI4)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.count import (
    count_contradiction,
    count_spelling,
    count_vs_named,
    missing_count,
)

RULES: tuple[Rule, ...] = (
    missing_count.RULE,
    count_spelling.RULE,
    count_contradiction.RULE,
    count_vs_named.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
