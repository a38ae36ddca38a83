"""Natural language and text to be drawn (ANI7)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.language import (
    character_undescribed,
    instruction_phrase,
    left_right_frame,
    nl_lowercase_name,
    nl_no_period_after_prefix,
    nl_pronoun_many,
    nl_too_short,
    text_quotes,
    text_too_long,
    text_vs_negative,
)

RULES: tuple[Rule, ...] = (
    nl_too_short.RULE,
    nl_no_period_after_prefix.RULE,
    nl_pronoun_many.RULE,
    nl_lowercase_name.RULE,
    instruction_phrase.RULE,
    text_too_long.RULE,
    text_vs_negative.RULE,
    text_quotes.RULE,
    left_right_frame.RULE,
    character_undescribed.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
