"""Steps or guidance outside the range of the release."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, finding_at, settings


def check(context: Context) -> Iterator[Finding]:
    """Flag a guidance scale or a number of steps outside the profile's range."""
    profile, settings = context.environment.profile, context.settings
    span = (0, min(len(context.source), 1))
    scale, steps = settings.guidance_scale, settings.steps
    low, high = profile.guidance_range
    if scale is not None and not low <= scale <= high:
        wanted = f"{low}" if low == high else f"{low} to {high}"
        yield finding_at(span, f"a guidance scale of {scale} is outside the range of {profile.title}; use {wanted}")
    fewest, most = profile.steps_range
    if steps is not None and not fewest <= steps <= most:
        yield finding_at(
            span, f"a step count of {steps} is outside the range of {profile.title}; use {fewest} to {most}"
        )


RULE = Rule(
    code="ANI902",
    name="sampler-settings",
    severity=Severity.WARNING,
    reason="Turbo is distilled for a guidance scale of 1 and few steps, RDBT for 1 to 4; Anima-2.9B has 3.5 to 5, the "
    "others need at least 20 steps and a scale of 3 to 7. The profiles name the source of each value.",
    bad=(
        Example("1girl", profile="turbo-1.1", settings=settings(guidance_scale=5)),
        Example("1girl", settings=settings(steps=8)),
        Example("1girl", profile="2.9b", settings=settings(guidance_scale=6)),
        Example("1girl", profile="rdbt", settings=settings(guidance_scale=5, steps=20)),
    ),
    good=(
        Example("1girl", profile="turbo-1.1", settings=settings(guidance_scale=1, steps=8)),
        Example("1girl", settings=settings(guidance_scale=4, steps=30)),
        Example("1girl", profile="rdbt", settings=settings(guidance_scale=2, steps=20)),
    ),
    check=check,
    roles=POSITIVE,
)
