r"""Curly quotes, special spaces and dashes, and invisible characters: zero-width, control, bidirectional.

A safe fix removes control characters: they are unintended and come from text copied from a terminal or a document. They
reach the model: Qwen's byte-level tokenizer gives each its own token, T5's drops most, and the training captions have
neither. Characters that separate words (vertical tab, line separator) become a space. A color code such as ``\x1b[31m`` is
removed as a whole; otherwise its end would remain as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.escapes import BIDI, escape
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain

_REPLACE = {
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u00b4": "'", "\u2032": "'",
    "\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u2009": " ", "\u2003": " ", "\u2002": " ", "\u3000": " ", "\t": " ",
    "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u2026": "...",
    "\u200b": "", "\u200c": "", "\u200d": "", "\u2060": "", "\ufeff": "", "\u00ad": "", "\u200e": "", "\u200f": "",
}  # fmt: skip
_SPACES = "\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029"
"""Control characters that separate words for Python's ``str.split`` and for most editors."""
_CONTROL = (
    "".join(map(chr, (*range(9), *range(0x0E, 0x20), *range(0x7F, 0xA0)))) + "\u180e\u2061\u2062\u2063\u2064" + BIDI
)
_CODE = r"(?:\x1b\[|\x9b)(?:[0-9;?]+[A-HJKSTm]|m(?![a-z]))"
"""A control sequence of terminals: color, cursor, erase."""
_ALL = {
    **dict.fromkeys(_CONTROL, ""), **dict.fromkeys(_SPACES, " "), **_REPLACE,
}  # fmt: skip
_INVISIBLE = re.compile(f"{_CODE}|\r(?!\n)|[{re.escape(''.join(_ALL))}]")
_NEEDS = "".join(_ALL) + "\r"


def check(context: Context) -> Iterator[Finding]:
    """Flag each such character, and each terminal control sequence as a whole."""
    for match in _INVISIBLE.finditer(context.source):
        sign = match.group()
        if sign == "\u200d" and _in_emoji(context.source, match.start()):
            continue
        right = "\n" if sign == "\r" else _ALL.get(sign, "")
        if right.strip() and context.is_quoted(match.start()):
            continue  # a curly quotation mark or a dash in text to draw
        yield finding_at(
            match.span(), f"{_described(sign)} does not occur in the training captions; {_advice(right)}", write=right
        )


def _described(sign: str) -> str:
    import unicodedata

    if len(sign) > 1:
        return f"the control sequence '{''.join(escape(c) if not c.isprintable() else c for c in sign)}'"
    name = unicodedata.name(sign, "control character").lower()
    return name if sign in _REPLACE else f"{name} {escape(sign)}"


def _advice(right: str) -> str:
    if right.strip():
        return f'write "{right}"' if right == "'" else f"write '{right}'"
    return {" ": "write a space", "\n": "write a line feed"}.get(right, "remove it")


def _in_emoji(text: str, place: int) -> bool:
    return place > 0 and ord(text[place - 1]) > 0x2600


RULE = Rule(
    code="ANI209",
    name="unicode-invisible",
    severity=Severity.WARNING,
    reason="Curly quotes, dashes, invisible and control characters come from copied text; they are other or unknown tokens, "
    "and control characters can change what a terminal shows.",
    bad=(
        *plain("1girl, a sign reads \u201cHELLO\u201d"),
        Example("1girl,\u00a0long\u200b hair", "1girl, long hair"),
        Example("1girl, cat\u2019s cradle", "1girl, cat's cradle"),
        Example("1girl, \x1b[31mred hair\x1b[0m, hat\x07", "1girl, red hair, hat"),
        Example("1girl, \u202esmile\u202c, long\x0bhair", "1girl, smile, long hair"),
    ),
    good=plain('1girl, a sign reads "HELLO"', "1girl, long hair", "caf\u00e9", "1girl,\r\nsmile"),
    fix=Safety.SAFE,
    check=check,
    needs=_NEEDS,
)
