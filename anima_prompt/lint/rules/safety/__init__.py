"""Safety tags (ANI4)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.safety import (
    missing_safety,
    safety_foreign,
    safety_multiple,
    safety_pos_neg_clash,
)

RULES: tuple[Rule, ...] = (
    missing_safety.RULE,
    safety_multiple.RULE,
    safety_foreign.RULE,
    safety_pos_neg_clash.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
