"""A score for a release that was trained without scores."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.document import Role
from anima_prompt.lint.rule import IMAGE_ROLES, Example, Finding, Rule, Safety, finding_at, plain
from anima_prompt.sections import Section

_WITHOUT_EFFECT = ("aesthetic-1.0", "2.9b", "rdbt")
"""Profiles whose images do not get worse with scores in the negative prompt."""


def check(context: Context) -> Iterator[Finding]:
    """Flag every score, if the profile was trained without scores."""
    profile = context.environment.profile
    if profile.scores:
        return
    negative = context.role == Role.NEGATIVE
    severity = Severity.INFO if negative and profile.name in _WITHOUT_EFFECT else None
    for item in context.items:
        if item.name.startswith("score_") and item.section is Section.QUALITY:
            message = f"{profile.title} does not use scores; remove {item.text}"
            yield finding_at(item, message, edits=[context.removal(item)], severity=severity)


RULE = Rule(
    code="ANI405",
    name="score-with-aesthetic",
    severity=Severity.WARNING,
    reason="The Aesthetic releases and Anima-2.9B were trained without scores, and RDBT is used without. The card of Aesthetic "
    "warns that they drag the image to a generic look, in the negative prompt of 1.1 too; elsewhere that is information.",
    bad=(
        Example("masterpiece, score_7, 1girl", "masterpiece, 1girl", profile="aesthetic-1.1"),
        Example("masterpiece, score_7, 1girl", "masterpiece, 1girl", profile="2.9b"),
        Example("1girl", negative="low quality, score_1", fixed_negative="low quality", profile="aesthetic-1.1"),
    ),
    good=(*plain("masterpiece, score_7, 1girl"), Example("masterpiece, 1girl", profile="aesthetic-1.1")),
    fix=Safety.SAFE,
    check=check,
    needs="_",
    roles=IMAGE_ROLES,
)
