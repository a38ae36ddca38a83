"""Settings and the release's profile (ANI9)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.settings import (
    burnt_colours,
    cropped_figures,
    flat_background,
    missing_negative,
    resolution,
    sampler_settings,
    sampler_unfit,
    style_wanders,
)

RULES: tuple[Rule, ...] = (
    resolution.RULE,
    sampler_settings.RULE,
    style_wanders.RULE,
    flat_background.RULE,
    cropped_figures.RULE,
    burnt_colours.RULE,
    missing_negative.RULE,
    sampler_unfit.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
