"""``&#039;``, ``&amp;``: HTML entities from the source of a web page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted

_ENTITY = re.compile(r"&(?:#\d{2,5}|#x[0-9a-fA-F]{2,4}|amp|quot|apos|lt|gt|nbsp);")
_PARENS = ("&#40;", "&#41;")


def check(context: Context) -> Iterator[Finding]:
    """Flag an HTML entity outside quotations; paren-wrong-escape reports those for parentheses."""
    from html import unescape as decoded

    for match in _ENTITY.finditer(context.source):
        if match.group() in _PARENS or context.is_quoted(match.start()):
            continue
        sign = decoded(match.group())
        if sign.isprintable():
            yield finding_at(
                match.span(), f"{quoted(match.group())} is an HTML entity; write {_quoted(sign)}", write=sign
            )


def _quoted(sign: str) -> str:
    return f'"{sign}"' if sign == "'" else f"'{sign}'"


RULE = Rule(
    code="ANI208",
    name="html-entity",
    severity=Severity.WARNING,
    reason="Some tag lists and web pages contain names with HTML entities; the model reads the ampersand and the number.",
    bad=(Example("1girl, cat&#039;s cradle", "1girl, cat's cradle"), Example("black &amp; white", "black & white")),
    good=plain("1girl, cat's cradle", "salt & pepper", "1girl, r&d;", '1girl, a sign reads "A&amp;B"'),
    fix=Safety.SAFE,
    check=check,
    needs="&",
)
