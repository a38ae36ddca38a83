"""Text to draw in single quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Finding, Rule, finding_at, plain

_SINGLE = re.compile(
    r"\b(?:says?|reads?|reading|saying|written|text|words?|letters|titled|labell?ed)\s+'(?P<text>[^'\n]{1,40})'"
)


def check(context: Context) -> Iterator[Finding]:
    """Flag text to draw in single quotes, as in ``a sign reads 'HELLO'``."""
    for match in _SINGLE.finditer(context.source):
        yield finding_at(
            (match.start("text") - 1, match.end()), f'text to draw must be in double quotes; write "{match["text"]}"'
        )


RULE = Rule(
    code="ANI708",
    name="text-quotes",
    severity=Severity.INFO,
    reason="The model card writes text to draw in double quotes; single quotes are also apostrophes.",
    bad=plain("1girl, a sign reads 'ANIMA'"),
    good=plain('1girl, a sign reads "ANIMA"', "1girl, cat's cradle", "don't say lazy"),
    check=check,
    needs="'",
    roles=SHOWN,
)
