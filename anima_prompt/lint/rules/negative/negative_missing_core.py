"""A negative prompt without the low-quality tags that the model was trained with."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.document import Role
from anima_prompt.lint.rule import NEGATIVE, Example, Finding, Rule, Safety, finding_at

_CORE = frozenset(("worst_quality", "low_quality", "score_1", "bad_quality"))


def check(context: Context) -> Iterator[Finding]:
    """Flag a negative prompt without a tag such as ``worst quality``, unless guidance is off."""
    profile = context.environment.profile
    scale = context.settings.guidance_scale
    works = profile.negative_works if scale is None else scale > 1
    if not works or not context.items or not _CORE.isdisjoint(context.by_name):
        return
    core = ", ".join(tag for tag in profile.negative if tag in profile.quality_vocabulary)
    first = context.items[0]
    edit = Edit(first.start, first.start, f"{core}, ") if core and first.level is context.top else None
    yield finding_at(first, f"missing low-quality tags of training; add '{core}'", edits=[edit])


RULE = Rule(
    code="ANI804",
    name="negative-missing-core",
    severity=Severity.INFO,
    reason="The model learned low quality from tags such as 'worst quality'; other words for flaws are not in the training "
    "captions. Source: model card.",
    bad=(Example("bad hands, blurry", role=Role.NEGATIVE),),
    good=(
        Example("worst quality, bad hands", role=Role.NEGATIVE),
        Example("blurry", role=Role.NEGATIVE, profile="turbo-1.1"),
    ),
    fix=Safety.UNSAFE,
    check=check,
    roles=NEGATIVE,
)
