"""Two safety tags."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.document import Role
from anima_prompt.lint.rule import WANTED, Example, Finding, Rule, found, plain, quoted

_SAFETY = frozenset(("safe", "sensitive", "nsfw", "explicit"))


def check(context: Context) -> Iterator[Finding]:
    """Flag every safety tag that differs from the first one."""
    found_tags = [item for item in context.items if item.name in _SAFETY]
    if len({item.name for item in found_tags}) < 2:
        return
    first = found_tags[0]
    for item in found_tags[1:]:
        if item.name != first.name:
            yield found(
                item,
                f"{quoted(item.text)} contradicts {quoted(first.text)}; an image has one safety tag, remove one of them",
            )


RULE = Rule(
    code="ANI411",
    name="safety-multiple",
    severity=Severity.ERROR,
    reason="A training caption has one rating; with two it is undefined which one the image follows. Source: model card.",
    bad=plain("nsfw, safe, 1girl", "safe, sensitive, 1girl"),
    good=(*plain("safe, 1girl"), Example("nsfw, explicit", role=Role.NEGATIVE)),
    check=check,
    roles=WANTED,
)
