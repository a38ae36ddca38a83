"""A guidance scale that oversaturates the colors."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, finding_at, settings


def check(context: Context) -> Iterator[Finding]:
    """Flag a guidance scale above 10."""
    scale = context.settings.guidance_scale
    if scale is not None and scale > 10:
        low, high = context.environment.profile.guidance_range
        message = f"a guidance scale of {scale} oversaturates the colors; use {low} to {high}"
        yield finding_at((0, min(len(context.source), 1)), message)


RULE = Rule(
    code="ANI906",
    name="guidance-too-high",
    severity=Severity.WARNING,
    reason="Guidance multiplies the difference between the prompt and the negative prompt; above 10 colors clip. "
    "Source: reviews.",
    bad=(Example("1girl", settings=settings(guidance_scale=12)),),
    good=(Example("1girl", settings=settings(guidance_scale=5)),),
    check=check,
    roles=POSITIVE,
)
