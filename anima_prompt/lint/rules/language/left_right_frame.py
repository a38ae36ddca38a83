"""``left girl``: a side that is not related to the image."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Finding, Rule, found, plain
from anima_prompt.syntax import nodes as syntax

_SIDE = re.compile(r"\b(?:the |to the )?(?:left|right) (?:girl|boy|woman|man|character|one|person)\b", re.IGNORECASE)


def check(context: Context) -> Iterator[Finding]:
    """Flag ``left girl`` and the like in a sentence or unknown tag, unless the count is one person."""
    if context.people == 1:
        return
    for node in context.units:
        if not isinstance(node, syntax.SentenceNode) and node.entry is not None:
            continue
        match = _SIDE.search(node.text)
        if match:
            start = node.start + match.start()
            message = (
                "left and right are often swapped; say 'on the left side of the image' and describe who stands there"
            )
            yield found((start, node.start + match.end()), message)
            return


RULE = Rule(
    code="ANI709",
    name="left-right-frame",
    severity=Severity.INFO,
    reason="Users report sides that are swapped unless the sentence speaks of the image's own left and right.",
    bad=plain("2girls. The left girl waves and the right girl laughs."),
    good=plain("2girls. On the left side of the image a girl with red hair waves.", "1girl, left hand raised"),
    check=check,
    roles=SHOWN,
)
