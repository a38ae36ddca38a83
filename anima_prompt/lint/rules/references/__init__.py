"""LoRAs, wildcards, schedules and keywords: text that another program replaces (ANI1)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.references import (
    break_useless,
    lora_literal,
    lora_missing_comma,
    reference_foreign,
    schedule_unsupported,
    wildcard_unresolved,
)

RULES: tuple[Rule, ...] = (
    lora_literal.RULE,
    lora_missing_comma.RULE,
    reference_foreign.RULE,
    wildcard_unresolved.RULE,
    schedule_unsupported.RULE,
    break_useless.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
