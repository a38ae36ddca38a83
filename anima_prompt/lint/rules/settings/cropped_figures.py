"""A shift so low that figures are cropped."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, finding_at, settings


def check(context: Context) -> Iterator[Finding]:
    """Flag a shift below 3."""
    shift = context.settings.shift
    if shift is not None and shift < 3:
        yield finding_at(
            (0, min(len(context.source), 1)), f"a shift of {shift} crops figures more often; use at least 3"
        )


RULE = Rule(
    code="ANI905",
    name="cropped-figures",
    severity=Severity.INFO,
    reason="The composition is decided at high noise, where a low shift spends few steps (one source). ComfyUI's default is 3.",
    bad=(Example("1girl", settings=settings(shift="1.5")),),
    good=(Example("1girl", settings=settings(shift=3)), Example("1girl", settings=settings(shift=6))),
    check=check,
    roles=POSITIVE,
)
