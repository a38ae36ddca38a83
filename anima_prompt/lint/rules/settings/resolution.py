"""An image size that the model was not trained for."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, finding_at, settings

_STEP = 16


def check(context: Context) -> Iterator[Finding]:
    """Flag a width or height that is not a multiple of 16, and an area outside the profile's range."""
    width, height = context.settings.width, context.settings.height
    if width is None or height is None:
        return
    profile = context.environment.profile
    span = (0, min(len(context.source), 1))
    least, most = profile.area_range
    if width % _STEP or height % _STEP:
        right = f"{_near(width)}x{_near(height)}"
        yield finding_at(span, f"a size of {width}x{height} is not a multiple of {_STEP}; use for example {right}")
    if width * height < least or (width * height > most and not context.settings.hires):
        low, high = round(least**0.5), round(most**0.5)
        yield finding_at(
            span,
            f"a size of {width}x{height} is outside the range of {profile.title}; use areas from {low}x{low} to {high}x{high}",
        )


def _near(size: int) -> int:
    return max(_STEP, round(size / _STEP) * _STEP)


RULE = Rule(
    code="ANI901",
    name="resolution",
    severity=Severity.WARNING,
    reason="Latents have an eighth of the size, and patches are 2x2 latents, so sizes must be multiples of 16; outside 512² to "
    "1536² figures are duplicated or blurred. Larger images need a second pass. Source: model card.",
    bad=(
        Example("1girl", settings=settings(width=728, height=1296)),
        Example("1girl", settings=settings(width=256, height=256)),
        Example("1girl", settings=settings(width=2176, height=3840)),
    ),
    good=(
        Example("1girl", settings=settings(width=1024, height=1024)),
        Example("1girl", settings=settings(width=2176, height=3840, hires=True)),
        Example("1girl"),
    ),
    check=check,
    roles=POSITIVE,
)
