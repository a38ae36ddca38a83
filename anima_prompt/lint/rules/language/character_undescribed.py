"""Several named characters without a description of their appearance."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Finding, Rule, finding_at, plain


def check(context: Context) -> Iterator[Finding]:
    """Flag a prompt with several characters, no tag for hair or eyes, and no sentences."""
    named = context.named_characters
    if len(named) < 2 or context.sentences:
        return
    if next(context.in_group("hair", "eyes"), None) is None:
        yield finding_at(
            named[1],
            "several characters without appearance tags; add hair and eyes of each, or describe each in a sentence",
        )


RULE = Rule(
    code="ANI710",
    name="character-undescribed",
    severity=Severity.INFO,
    reason="The appearance distinguishes several characters: name them, then describe them. Source: model card.",
    bad=plain("2girls, hatsune miku, kasane teto, vocaloid, stage"),
    good=plain(
        "2girls, hatsune miku, kasane teto, vocaloid, aqua hair, red hair",
        "1girl, hatsune miku, stage",
        "1girl, racing miku, hatsune miku",
    ),
    check=check,
    roles=POSITIVE,
)
