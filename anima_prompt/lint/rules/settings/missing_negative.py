"""An empty negative prompt."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, Safety, finding_at


def check(context: Context) -> Iterator[Finding]:
    """Flag a negative prompt that is known to be empty, unless guidance is off."""
    profile, scale = context.environment.profile, context.settings.guidance_scale
    works = profile.negative_works if scale is None else scale > 1
    if context.negative_is_known and context.counterpart is None and works and profile.negative:
        text = ", ".join(profile.negative)
        message = f"the negative prompt is empty; add '{text}', the default of {profile.title}"
        yield finding_at((0, min(len(context.source), 1)), message, edits=[Edit(0, 0, text, "negative")])


RULE = Rule(
    code="ANI907",
    name="missing-negative",
    severity=Severity.INFO,
    reason="With guidance, the short negative prompt of the model card makes images cleaner; 4 of 32 official prompts have "
    "none.",
    bad=(Example("masterpiece, 1girl", negative="", profile="base-1.0"),),
    good=(
        Example("masterpiece, 1girl"),
        Example("masterpiece, 1girl", negative="worst quality"),
        Example("masterpiece, 1girl", negative="", profile="turbo-1.1"),
    ),
    fix=Safety.UNSAFE,
    check=check,
    roles=POSITIVE,
)
