"""Names: unknown, mistyped, old, contradicting (ANI6)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.vocabulary import (
    ambiguous_tag,
    color_conflict,
    contradiction_pairs,
    control_tags,
    missing_series,
    near_duplicate,
    tag_alias,
    tag_deprecated,
    tag_joined,
    typo,
    unknown_tag,
)

RULES: tuple[Rule, ...] = (
    unknown_tag.RULE,
    tag_alias.RULE,
    typo.RULE,
    tag_deprecated.RULE,
    near_duplicate.RULE,
    contradiction_pairs.RULE,
    color_conflict.RULE,
    missing_series.RULE,
    control_tags.RULE,
    ambiguous_tag.RULE,
    tag_joined.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
