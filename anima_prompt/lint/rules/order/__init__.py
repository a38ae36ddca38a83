"""Sections, their order, dataset lines and length (ANI3)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.order import (
    artist_after_general,
    dataset_spelling,
    dataset_tag_comma,
    dataset_tag_mixed,
    dataset_tag_position,
    section_order,
    series_before_character,
    too_long,
    too_short,
)

RULES: tuple[Rule, ...] = (
    section_order.RULE,
    series_before_character.RULE,
    artist_after_general.RULE,
    dataset_tag_position.RULE,
    dataset_tag_comma.RULE,
    dataset_tag_mixed.RULE,
    dataset_spelling.RULE,
    too_short.RULE,
    too_long.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
