"""Text to draw in single quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Finding, Rule, found, plain

_SINGLE = re.compile(
    r"\b(?:says?|reads?|reading|saying|written|text|words?|letters|titled|labell?ed)\s+'(?P<text>[^'\n]{1,40})'"
)


def check(context: Context) -> Iterator[Finding]:
    """Flag text to be drawn that is in single quotes, as in ``a sign reads 'HELLO'``."""
    for match in _SINGLE.finditer(context.source):
        yield found(
            (match.start("text") - 1, match.end()), f'text to be drawn stands in double quotes: "{match["text"]}"'
        )


RULE = Rule(
    code="ANI708",
    name="text-quotes",
    severity=Severity.INFO,
    reason="The card shows text to be drawn in double quotes; single ones are apostrophes as well.",
    bad=plain("1girl, a sign reads 'ANIMA'"),
    good=plain('1girl, a sign reads "ANIMA"', "1girl, cat's cradle", "don't say lazy"),
    check=check,
    needs="'",
    roles=SHOWN,
)
