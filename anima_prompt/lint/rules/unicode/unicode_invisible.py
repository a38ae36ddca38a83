"""Curly quotes, zero-width characters, no-break spaces, tabs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, found, plain

_REPLACE = {
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u00b4": "'", "\u2032": "'",
    "\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u2009": " ", "\u2003": " ", "\u2002": " ", "\u3000": " ", "\t": " ",
    "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u2026": "...",
    "\u200b": "", "\u200c": "", "\u200d": "", "\u2060": "", "\ufeff": "", "\u00ad": "", "\u200e": "", "\u200f": "",
}  # fmt: skip
_FOUND = re.compile("[" + "".join(_REPLACE) + "]")
_NEEDS = "".join(_REPLACE)


def check(context: Context) -> Iterator[Finding]:
    """Look for the characters; a curly quotation gets straight marks in one go, if that does not change its inside."""
    import unicodedata

    for match in _FOUND.finditer(context.source):
        sign = match.group()
        right = _REPLACE[sign]
        if sign == "\u200d" and _in_emoji(context.source, match.start()):
            continue
        name = unicodedata.name(sign, f"character {ord(sign):#06x}").lower()
        advice = f"write '{right}'" if right.strip() else "write a space" if right else "remove it"
        yield found(match.span(), f"{name} is not what the captions had; {advice}", write=right)


def _in_emoji(text: str, place: int) -> bool:
    return place > 0 and ord(text[place - 1]) > 0x2600


RULE = Rule(
    code="ANI209",
    name="unicode-invisible",
    severity=Severity.WARNING,
    reason="Curly quotes, dashes and invisible characters come with text copied from elsewhere; the tokenizers split "
    "on them or do not know them.",
    bad=(
        *plain("1girl, a sign reads \u201cHELLO\u201d"),
        Example("1girl,\u00a0long\u200b hair", "1girl, long hair"),
        Example("1girl, cat\u2019s cradle", "1girl, cat's cradle"),
    ),
    good=plain('1girl, a sign reads "HELLO"', "1girl, long hair", "caf\u00e9"),
    fix=Safety.SAFE,
    check=check,
    needs=_NEEDS,
)
