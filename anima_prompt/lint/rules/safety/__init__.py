"""Safety tags (ANI4)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.safety import (
    missing_safety,
    one_per_image,
    safety_foreign,
)

RULES: tuple[Rule, ...] = (
    missing_safety.RULE,
    one_per_image.RULE,
    safety_foreign.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
