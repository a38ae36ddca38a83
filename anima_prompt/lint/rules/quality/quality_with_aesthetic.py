"""Quality tags for a release that does not need them."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Example, Finding, Rule, Safety, finding_at, plain, quoted


def check(context: Context) -> Iterator[Finding]:
    """Flag human quality tags such as ``masterpiece``, if the profile does not use them."""
    if context.environment.profile.quality_tags:
        return
    for item in context.items:
        entry = item.entry
        if entry is not None and entry.group == "quality/human":
            message = f"{context.environment.profile.title} does not need {quoted(item.text)}; remove it"
            yield finding_at(item, message, edits=[context.removal(item)])


RULE = Rule(
    code="ANI406",
    name="quality-with-aesthetic",
    severity=Severity.INFO,
    reason="The captions of the Aesthetic releases have no quality tags; the official prompts still use them, so this "
    "rule is off unless selected.",
    bad=(Example("masterpiece, safe, 1girl", "safe, 1girl", profile="aesthetic-1.1"),),
    good=(*plain("masterpiece, safe, 1girl"), Example("safe, 1girl", profile="aesthetic-1.1")),
    fix=Safety.UNSAFE,
    check=check,
    roles=SHOWN,
    default=False,
)
