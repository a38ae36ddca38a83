"""All rules: the modules of :mod:`anima_prompt.lint.rules`, the word rules, and the rules of installed plug-ins.

A new rule is a module and a line here. A plug-in is a package with an entry point of the group ``anima_prompt.rules``
that names a list of :class:`~anima_prompt.lint.rule.Rule`; :mod:`anima_prompt.lint.plugins` loads it.
"""

from __future__ import annotations

from functools import cache

from anima_prompt.errors import InputError
from anima_prompt.lint.datarules import builtin_rules
from anima_prompt.lint.plugins import load_plugins
from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules import (
    accidental_weight,
    ambiguous_tag,
    artist_after_general,
    artist_alias,
    artist_at_space,
    artist_by_phrase,
    artist_double_at,
    artist_missing_at,
    artist_mixer_syntax,
    artist_run_on,
    artist_typo,
    artist_underscore,
    artist_unescaped_qualifier,
    artist_uppercase,
    at_on_nonartist,
    bracket_unbalanced,
    break_useless,
    burnt_colours,
    character_undescribed,
    colour_conflict,
    comma_spacing,
    comment_hash,
    contradiction_pairs,
    control_tags,
    count_contradiction,
    count_spelling,
    count_vs_named,
    cropped_figures,
    dataset_multiple,
    dataset_spelling,
    dataset_tag_comma,
    dataset_tag_mixed,
    dataset_tag_position,
    duplicate_block,
    duplicate_tag,
    emoji,
    empty_prompt,
    empty_tag,
    escape_unsupported,
    flat_background,
    foreign_quality,
    fullwidth_punct,
    html_entity,
    instruction_phrase,
    json_prompt,
    left_right_frame,
    lora_literal,
    lora_missing_comma,
    low_quality_in_positive,
    markdown_junk,
    missing_count,
    missing_negative,
    missing_quality,
    missing_safety,
    missing_series,
    near_duplicate,
    negation_in_prompt,
    negative_anatomy_wall,
    negative_at_cfg1,
    negative_missing_core,
    negative_period_clash,
    negative_too_long,
    nesting_too_deep,
    nl_lowercase_name,
    nl_no_period_after_prefix,
    nl_pronoun_many,
    nl_too_short,
    non_english,
    paren_escaped_weight,
    paren_in_face,
    paren_unbalanced,
    paren_unescaped_qualifier,
    paren_wrong_escape,
    period_contradiction,
    pos_neg_overlap,
    quality_contradiction,
    quality_with_aesthetic,
    quote_unclosed,
    reference_foreign,
    resolution,
    safety_foreign,
    safety_multiple,
    safety_pos_neg_clash,
    sampler_settings,
    sampler_unfit,
    schedule_unsupported,
    score_invalid,
    score_multiple,
    score_no_underscore,
    score_up_suffix,
    score_with_aesthetic,
    section_order,
    separator_foreign,
    series_before_character,
    space_before_bracket,
    square_weight_in_comfy,
    stray_weight_colon,
    style_wanders,
    tag_alias,
    tag_deprecated,
    tag_joined,
    text_quotes,
    text_too_long,
    text_vs_negative,
    too_long,
    too_many_artists,
    too_short,
    typo,
    underscore_tag,
    unicode_compatibility,
    unicode_confusable,
    unicode_invisible,
    unknown_tag,
    unused_suppression,
    uppercase_tag,
    weight_format,
    weight_high,
    weight_negative_or_zero,
    weight_nested_bare,
    weight_nonfinite,
    weight_one,
    weight_splits_word,
    weight_unsupported,
    weight_weak,
    weighted_sentence,
    whitespace,
    wildcard_unresolved,
    year_format,
    year_multiple,
    year_range,
)

_MODULES = (
    unused_suppression,
    paren_unbalanced,
    paren_unescaped_qualifier,
    paren_wrong_escape,
    paren_escaped_weight,
    accidental_weight,
    weight_nested_bare,
    weight_format,
    weight_weak,
    weight_high,
    weight_nonfinite,
    weight_negative_or_zero,
    square_weight_in_comfy,
    schedule_unsupported,
    break_useless,
    lora_literal,
    lora_missing_comma,
    stray_weight_colon,
    wildcard_unresolved,
    weighted_sentence,
    empty_prompt,
    nesting_too_deep,
    quote_unclosed,
    bracket_unbalanced,
    weight_one,
    weight_splits_word,
    reference_foreign,
    weight_unsupported,
    escape_unsupported,
    paren_in_face,
    uppercase_tag,
    underscore_tag,
    comma_spacing,
    empty_tag,
    whitespace,
    space_before_bracket,
    fullwidth_punct,
    html_entity,
    unicode_invisible,
    non_english,
    comment_hash,
    markdown_junk,
    json_prompt,
    duplicate_tag,
    duplicate_block,
    unicode_compatibility,
    unicode_confusable,
    separator_foreign,
    emoji,
    section_order,
    series_before_character,
    artist_after_general,
    dataset_tag_position,
    dataset_tag_comma,
    dataset_tag_mixed,
    dataset_multiple,
    dataset_spelling,
    too_short,
    too_long,
    score_no_underscore,
    score_invalid,
    score_up_suffix,
    score_multiple,
    score_with_aesthetic,
    quality_with_aesthetic,
    foreign_quality,
    quality_contradiction,
    low_quality_in_positive,
    missing_safety,
    safety_multiple,
    safety_foreign,
    safety_pos_neg_clash,
    missing_count,
    count_spelling,
    count_contradiction,
    count_vs_named,
    year_format,
    year_range,
    year_multiple,
    period_contradiction,
    missing_quality,
    artist_missing_at,
    artist_at_space,
    artist_underscore,
    artist_uppercase,
    artist_by_phrase,
    artist_unescaped_qualifier,
    artist_run_on,
    artist_double_at,
    at_on_nonartist,
    too_many_artists,
    artist_alias,
    artist_typo,
    artist_mixer_syntax,
    unknown_tag,
    tag_alias,
    typo,
    tag_deprecated,
    near_duplicate,
    contradiction_pairs,
    colour_conflict,
    missing_series,
    control_tags,
    ambiguous_tag,
    tag_joined,
    nl_too_short,
    nl_no_period_after_prefix,
    nl_pronoun_many,
    nl_lowercase_name,
    instruction_phrase,
    text_too_long,
    text_vs_negative,
    text_quotes,
    left_right_frame,
    character_undescribed,
    pos_neg_overlap,
    negative_at_cfg1,
    negative_too_long,
    negative_missing_core,
    negative_anatomy_wall,
    negative_period_clash,
    negation_in_prompt,
    resolution,
    sampler_settings,
    style_wanders,
    flat_background,
    cropped_figures,
    burnt_colours,
    missing_negative,
    sampler_unfit,
)


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule, by code.

    Raises:
        DataFileError: the file of word rules cannot be read.
    """
    return _with_plugins()[0]


def plugin_errors() -> tuple[str, ...]:
    """Return one line for each installed plug-in, or rule of a plug-in, that cannot be used."""
    return _with_plugins()[1]


@cache
def _with_plugins() -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    rules = [*(module.RULE for module in _MODULES), *builtin_rules()]
    installed, errors = load_plugins()
    for rule in installed:
        try:
            rules = list(joined(rules, [rule]))
        except InputError as error:
            errors.append(str(error))
    return tuple(sorted(rules, key=lambda rule: rule.code)), tuple(errors)


def joined(rules: list[Rule], more: list[Rule]) -> tuple[Rule, ...]:
    """Return the rules of both lists, by code.

    Raises:
        InputError: one of ``more`` takes a code or name that is in use.
    """
    codes, names = {rule.code for rule in rules}, {rule.name for rule in rules}
    for rule in more:
        if rule.code in codes or rule.name in names:
            raise InputError(f"rule {rule.code} ({rule.name}) takes a code or a name that is in use; choose another")
        codes.add(rule.code)
        names.add(rule.name)
    return tuple(sorted((*rules, *more), key=lambda rule: rule.code))


def rule_named(selector: str) -> Rule:
    """Return the rule with a code or name.

    Raises:
        InputError: there is none; the message names the nearest.
    """
    for rule in all_rules():
        if selector.upper() == rule.code or selector.lower() == rule.name:
            return rule
    from anima_prompt.lint.config import unknown_rule

    raise unknown_rule(selector, all_rules())
