"""A sampler or scheduler made for other model families."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, finding_at, settings

_UNFIT = frozenset(("ddim", "plms", "lms", "karras", "exponential", "k_lms", "polyexponential", "ddpm"))


def check(context: Context) -> Iterator[Finding]:
    """Flag a sampler or scheduler made for another noise schedule, such as ``ddim`` or ``karras``."""
    for kind, name in (("sampler", context.settings.sampler), ("scheduler", context.settings.scheduler)):
        text = (name or "").lower().replace(" ", "_")
        if text and any(part in _UNFIT for part in (text, *text.split("_"))):
            profile = context.environment.profile
            right = profile.sampler if kind == "sampler" else profile.scheduler
            message = f"{kind} '{name}' is made for another kind of noise schedule; use '{right}'"
            yield finding_at((0, min(len(context.source), 1)), message)


RULE = Rule(
    code="ANI908",
    name="sampler-unfit",
    severity=Severity.INFO,
    reason="Anima is a rectified-flow model: schedules such as Karras are made for diffusion models and waste steps.",
    bad=(Example("1girl", settings=settings(sampler="ddim")), Example("1girl", settings=settings(scheduler="karras"))),
    good=(Example("1girl", settings=settings(sampler="er_sde", scheduler="simple")), Example("1girl")),
    check=check,
    roles=POSITIVE,
)
