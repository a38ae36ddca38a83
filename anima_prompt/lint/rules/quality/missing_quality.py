"""A prompt without a quality tag, for a release that uses quality tags."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, Safety, finding_at, plain
from anima_prompt.sections import Section


def check(context: Context) -> Iterator[Finding]:
    """Flag a prompt without a quality tag or score, if the profile uses them; dataset prompts pass."""
    if (
        not context.environment.profile.quality_tags
        or context.datasets
        or not context.items
        or context.has(Section.QUALITY)
    ):
        return
    first = context.items[0]
    prefix = ", ".join(context.environment.profile.prefix[:2])
    edit = Edit(first.start, first.start, f"{prefix}, ") if first.level is context.top and first.start == 0 else None
    yield finding_at(
        first, f"missing quality tag; add '{prefix}' at the start for {context.environment.profile.title}", edits=[edit]
    )


RULE = Rule(
    code="ANI422",
    name="missing-quality",
    severity=Severity.INFO,
    reason="The base model has no default style and draws plainly without quality tags or an artist. Some official "
    "prompts have none. Source: model card.",
    bad=(Example("1girl, smile, hat", "masterpiece, best quality, 1girl, smile, hat"),),
    good=(*plain("masterpiece, 1girl", "score_7, 1girl"), Example("1girl, smile", profile="aesthetic-1.1")),
    fix=Safety.UNSAFE,
    check=check,
    roles=POSITIVE,
)
