"""The negative prompt (ANI8)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.negative import (
    negation_in_prompt,
    negative_anatomy_list,
    negative_at_cfg1,
    negative_missing_core,
    negative_period_clash,
    negative_too_long,
    pos_neg_overlap,
)

RULES: tuple[Rule, ...] = (
    pos_neg_overlap.RULE,
    negative_at_cfg1.RULE,
    negative_too_long.RULE,
    negative_missing_core.RULE,
    negative_anatomy_list.RULE,
    negative_period_clash.RULE,
    negation_in_prompt.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
