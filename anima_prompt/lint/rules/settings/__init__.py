"""Settings and the release's profile (ANI9)."""

from anima_prompt.lint.rule import Rule
from anima_prompt.lint.rules.settings import (
    cropped_figures,
    flat_background,
    guidance_too_high,
    missing_negative,
    missing_style,
    resolution,
    sampler_settings,
    sampler_unfit,
)

RULES: tuple[Rule, ...] = (
    resolution.RULE,
    sampler_settings.RULE,
    missing_style.RULE,
    flat_background.RULE,
    cropped_figures.RULE,
    guidance_too_high.RULE,
    missing_negative.RULE,
    sampler_unfit.RULE,
)
"""All rules of the family, by code. A new rule is a module of this folder and a line here."""
