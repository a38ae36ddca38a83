"""``commentary``, ``translated``: tags about the post, not the image."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import IMAGE_ROLES, Example, Finding, Rule, Safety, finding_at, plain, quoted


def check(context: Context) -> Iterator[Finding]:
    """Flag meta tags that describe the post and not the image, such as ``commentary``."""
    for item in context.items:
        entry = item.facts.entry
        if entry is not None and entry.group == "meta/control":
            message = f"{quoted(item.text)} describes the post, not the image; remove it"
            yield finding_at(item, message, edits=[context.removal(item)])


RULE = Rule(
    code="ANI609",
    name="control-tags",
    severity=Severity.INFO,
    reason="Such tags help to manage a site. They come with copied tag lists and have no visible effect. highres, absurdres "
    "and other visible meta tags pass.",
    bad=(Example("commentary, 1girl, smile", "1girl, smile"), *plain("1girl, commission")),
    good=plain("highres, absurdres, 1girl", "official art, 1girl"),
    fix=Safety.SAFE,
    check=check,
    roles=IMAGE_ROLES,
)
