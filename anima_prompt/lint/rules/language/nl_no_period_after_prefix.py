"""``…, safe An anime girl``: tags that run into a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Finding, Rule, finding_at, plain, quoted

_LEAD = re.compile(
    r"(?P<tag>masterpiece|best quality|good quality|score_\d|safe|sensitive|nsfw|explicit|newest|recent|year \d{4}|highres"
    r"|absurdres|[1-6]\+?(?:girl|boy|other)s?|solo|no humans|@[a-z][a-z ]*?)(?P<gap>\s+)(?=(?:A|An|The|In|On|At|She|He|They|This|There)\s+\w)"
)


def check(context: Context) -> Iterator[Finding]:
    """Flag a prefix tag that runs into a sentence without a full stop."""
    for node in context.units:
        match = _LEAD.match(context.source, node.start, node.end)
        if match:
            message = (
                f"missing full stop between {quoted(match['tag'])} and the sentence; write {quoted(match['tag'] + '.')}"
            )
            yield finding_at((match.start(), match.end()), message)


RULE = Rule(
    code="ANI702",
    name="nl-no-period-after-prefix",
    severity=Severity.WARNING,
    reason="In the training captions a full stop separates tags from sentences. Source: model card. There is no fix, because "
    "fixes never change sentences.",
    bad=plain("masterpiece, best quality, safe An anime girl sits on a bench in the park."),
    good=plain("masterpiece, best quality, safe. An anime girl sits on a bench in the park.", "1girl, solo, the pose"),
    check=check,
    needs="ATISOH",
    roles=SHOWN,
)
