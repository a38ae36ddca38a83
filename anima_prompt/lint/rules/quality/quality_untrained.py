"""A quality tag that the release was trained without."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import spaced


def check(context: Context) -> Iterator[Finding]:
    """Flag a tag of the quality ladder, such as ``masterpiece``, that the profile's vocabulary does not have."""
    profile = context.environment.profile
    if "masterpiece" in profile.quality_vocabulary:  # then the release has the whole ladder
        return
    for item in context.items:
        entry = item.entry
        if entry is not None and entry.group == "quality/human" and spaced(item.name) not in profile.quality_vocabulary:
            message = f"{profile.title} is used without quality tags; remove {quoted(item.text)}"
            yield finding_at(item, message, edits=[context.removal(item)])


RULE = Rule(
    code="ANI427",
    name="quality-untrained",
    severity=Severity.WARNING,
    reason="Some derived models, such as RDBT, are distilled to good quality; their authors leave quality tags out. "
    "The profile has the release's quality vocabulary and its source.",
    bad=(Example("masterpiece, best quality, 1girl", "1girl", profile="rdbt"),),
    good=(
        *plain("masterpiece, best quality, 1girl"),
        Example("masterpiece, 1girl", profile="2.9b"),
        Example("1girl, smile", profile="rdbt"),
    ),
    fix=Safety.UNSAFE,
    check=check,
    roles=SHOWN,
)
