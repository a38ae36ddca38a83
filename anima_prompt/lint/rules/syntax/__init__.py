"""Brackets, quotations and escapes (ANI1)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.syntax import (
    delimiter_unbalanced,
    empty_prompt,
    escape_unsupported,
    nesting_too_deep,
    paren_escaped_weight,
    paren_in_face,
    paren_unescaped_qualifier,
    paren_wrong_escape,
)

RULES: tuple[Rule, ...] = (
    empty_prompt.RULE,
    delimiter_unbalanced.RULE,
    paren_unescaped_qualifier.RULE,
    paren_wrong_escape.RULE,
    paren_escaped_weight.RULE,
    paren_in_face.RULE,
    nesting_too_deep.RULE,
    escape_unsupported.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
