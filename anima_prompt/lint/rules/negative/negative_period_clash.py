"""A period in the negative prompt that the prompt asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Example, Finding, Rule, quoted

_OLD_LOOK = re.compile(r"retro_.*|(?:19[6-9]0s).*|year_(?:200\d|201[0-2])")
_NEW_LOOK = re.compile(r"year_202\d")


def check(context: Context) -> Iterator[Finding]:
    """Compare periods with the years and styles of the prompt."""
    if context.other is None:
        return
    for item in context.other.items:
        pattern = (
            _OLD_LOOK if item.name in ("old", "early") else _NEW_LOOK if item.name in ("newest", "recent") else None
        )
        wanted = next((i for i in context.items if pattern and i.name != item.name and pattern.fullmatch(i.name)), None)
        if wanted is not None:
            message = f"the prompt asks for {quoted(wanted.text)}; remove {quoted(item.text)} here"
            yield Finding(item.start, item.end, message, part="negative")


RULE = Rule(
    code="ANI806",
    name="negative-period-clash",
    severity=Severity.WARNING,
    reason="Guidance pushes away from the very look that the prompt names.",
    bad=(
        Example("1girl, retro artstyle", negative="worst quality, old, early"),
        Example("year 2005, 1girl", negative="old"),
    ),
    good=(Example("1girl, year 2025", negative="old, early"), Example("1girl, old man", negative="early")),
    check=check,
    roles=SHOWN,
)
