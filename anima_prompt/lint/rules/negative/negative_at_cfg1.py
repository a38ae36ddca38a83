"""A negative prompt that has no effect."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, Safety, finding_at, settings


def check(context: Context) -> Iterator[Finding]:
    """Flag a negative prompt at a guidance scale of at most 1; without a scale, the profile decides."""
    negative = context.counterpart
    if negative is None or not (negative.items or negative.sentences):
        return
    scale = context.settings.guidance_scale
    if (scale is not None and scale <= 1) or (scale is None and not context.environment.profile.negative_works):
        cause = f"a guidance scale of {scale}" if scale is not None else context.environment.profile.title
        edit = Edit(0, len(negative.source), "", "negative")
        finding = finding_at(
            (0, len(negative.source)), f"the negative prompt has no effect with {cause}; remove it", edits=[edit]
        )
        yield Finding(finding.start, finding.end, finding.message, finding.edits, part="negative")


RULE = Rule(
    code="ANI802",
    name="negative-at-cfg1",
    severity=Severity.INFO,
    reason="At a guidance scale of 1 the model is not run with the negative prompt. Keeping it does no harm.",
    bad=(
        Example("1girl, smile", negative="worst quality", fixed_negative="", profile="turbo-1.1"),
        Example("1girl, smile", negative="worst quality", settings=settings(guidance_scale=1)),
    ),
    good=(
        Example("1girl, smile", negative="worst quality"),
        Example("1girl, smile", negative="", profile="turbo-1.1"),
        Example("1girl", negative="worst quality", profile="turbo-1.1", settings=settings(guidance_scale=3)),
    ),
    fix=Safety.UNSAFE,
    check=check,
    roles=POSITIVE,
)
