"""``，``, ``（``, ``＠``: full-width punctuation, as CJK keyboards type it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain

_ASCII = {
    "，": ",",
    "、": ",",
    "（": "(",
    "）": ")",
    "：": ":",
    "＠": "@",
    "；": ";",
    "［": "[",
    "］": "]",
    "｜": "|",
    "＿": "_",
}
_CHARACTERS = "".join(_ASCII)
_FULL_WIDTH = re.compile(rf"(?:(?<!\s)\s++)?[，、]\s*|[{_CHARACTERS}]")


def check(context: Context) -> Iterator[Finding]:
    """Flag full-width punctuation outside quotations."""
    for match in _FULL_WIDTH.finditer(context.source):
        if context.is_quoted(match.start()):
            continue
        sign = match.group().strip()
        right = ", " if sign in "，、" else _ASCII[sign]
        if right == ", " and match.end() == len(context.source):
            right = ","
        elif right == ", " and "\n" in match.group():
            right = ",\n"
        yield finding_at(match.span(), f"'{sign}' is a full-width character; write '{_ASCII[sign]}'", write=right)


RULE = Rule(
    code="ANI207",
    name="fullwidth-punct",
    severity=Severity.WARNING,
    reason="Front ends and the training captions use ASCII punctuation; a full-width comma separates no tags and a "
    "full-width parenthesis sets no weight.",
    bad=(
        Example("1girl，smile，hat", "1girl, smile, hat"),
        Example("1girl, （hat：1.5）", "1girl, (hat:1.5)"),
    ),
    good=plain("1girl, smile, hat", "1girl, (hat:1.5)", '1girl, a sign reads "HELLO，（YOU）"'),
    fix=Safety.SAFE,
    check=check,
    needs=_CHARACTERS,
)
