"""Weights and their parentheses (ANI1)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.weights import (
    accidental_weight,
    square_weight_in_comfy,
    stray_weight_colon,
    weight_foreign,
    weight_format,
    weight_high,
    weight_negative_or_zero,
    weight_nested_bare,
    weight_one,
    weight_splits_word,
    weight_unsupported,
    weight_weak,
    weighted_sentence,
)

RULES: tuple[Rule, ...] = (
    accidental_weight.RULE,
    weight_nested_bare.RULE,
    weight_format.RULE,
    weight_weak.RULE,
    weight_high.RULE,
    weight_negative_or_zero.RULE,
    weight_one.RULE,
    weight_splits_word.RULE,
    weight_unsupported.RULE,
    square_weight_in_comfy.RULE,
    stray_weight_colon.RULE,
    weighted_sentence.RULE,
    weight_foreign.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
