"""The linter's own comments (ANI0)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.linter import (
    unused_suppression,
)

RULES: tuple[Rule, ...] = (unused_suppression.RULE,)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
