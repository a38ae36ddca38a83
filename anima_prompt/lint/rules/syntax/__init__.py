"""Brackets, quotations and escapes (ANI1)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.syntax import (
    bracket_unbalanced,
    empty_prompt,
    escape_unsupported,
    nesting_too_deep,
    paren_escaped_weight,
    paren_in_face,
    paren_unbalanced,
    paren_unescaped_qualifier,
    paren_wrong_escape,
    quote_unclosed,
)

RULES: tuple[Rule, ...] = (
    empty_prompt.RULE,
    paren_unbalanced.RULE,
    paren_unescaped_qualifier.RULE,
    paren_wrong_escape.RULE,
    paren_escaped_weight.RULE,
    paren_in_face.RULE,
    bracket_unbalanced.RULE,
    quote_unclosed.RULE,
    nesting_too_deep.RULE,
    escape_unsupported.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
