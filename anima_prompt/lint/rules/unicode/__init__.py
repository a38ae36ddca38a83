"""Characters that look alike, cannot be seen, or that the model cannot read (ANI2)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.unicode import (
    emoji,
    non_english,
    unicode_compatibility,
    unicode_confusable,
    unicode_invisible,
)

RULES: tuple[Rule, ...] = (
    unicode_invisible.RULE,
    unicode_compatibility.RULE,
    unicode_confusable.RULE,
    emoji.RULE,
    non_english.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
