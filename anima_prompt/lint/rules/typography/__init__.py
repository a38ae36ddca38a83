"""Letters, spaces, commas and leftovers of other formats (ANI2)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.typography import (
    comma_spacing,
    comment_hash,
    duplicate_block,
    duplicate_tag,
    empty_tag,
    fullwidth_punct,
    html_entity,
    json_prompt,
    markdown_junk,
    separator_foreign,
    space_before_bracket,
    underscore_tag,
    uppercase_tag,
    whitespace,
)

RULES: tuple[Rule, ...] = (
    uppercase_tag.RULE,
    underscore_tag.RULE,
    comma_spacing.RULE,
    empty_tag.RULE,
    whitespace.RULE,
    space_before_bracket.RULE,
    fullwidth_punct.RULE,
    html_entity.RULE,
    comment_hash.RULE,
    markdown_junk.RULE,
    json_prompt.RULE,
    duplicate_tag.RULE,
    duplicate_block.RULE,
    separator_foreign.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
