"""Emoji, which are unknown to the model's text encoder."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Finding, Rule, finding_at, plain

_EMOJI = re.compile(r"[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f]+")
_DRAWN = "♥♡★☆♪♀♂"


def check(context: Context) -> Iterator[Finding]:
    """Flag emoji outside quotations; a run of drawn symbols such as ``♥`` or ``☆`` passes."""
    if context.source.isascii():
        return
    for match in _EMOJI.finditer(context.source):
        if not set(match.group()) <= set(_DRAWN) and not context.is_quoted(match.start()):
            yield finding_at(match.span(), "the text encoder has no tokens for emoji; describe it in words", write=None)


RULE = Rule(
    code="ANI219",
    name="emoji",
    severity=Severity.WARNING,
    reason="The adapter's T5 vocabulary contains no emoji: they become unknown tokens.",
    bad=plain("1girl, smile 😀", "1girl, 🌸"),
    good=plain("1girl, smile", "1girl, :3", '1girl, a sign reads "HELLO 😀"'),
    check=check,
)
