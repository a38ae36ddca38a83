"""A period in the negative prompt that opposes the look that the prompt asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Example, Finding, Rule, quoted

_OLD_LOOK = re.compile(r"retro_.*|(?:19[6-9]0s).*|year_(?:200\d|201[0-2])")
_NEW_LOOK = re.compile(r"year_202\d")
_LOOKS = {"old": _OLD_LOOK, "early": _OLD_LOOK, "newest": _NEW_LOOK, "recent": _NEW_LOOK}


def check(context: Context) -> Iterator[Finding]:
    """Flag a period in the negative prompt that opposes a year or retro style of the prompt."""
    if context.counterpart is None:
        return
    periods = [item for item in context.counterpart.items if item.name in _LOOKS]
    wanted_of = {
        look: next((item for item in context.items if look.fullmatch(item.name)), None)
        for look in {_LOOKS[item.name] for item in periods}
    }
    for item in periods:
        wanted = wanted_of[_LOOKS[item.name]]
        if wanted is not None:
            message = f"the prompt asks for {quoted(wanted.text)}; remove {quoted(item.text)} from the negative prompt"
            yield Finding(item.start, item.end, message, part="negative")


RULE = Rule(
    code="ANI806",
    name="negative-period-clash",
    severity=Severity.WARNING,
    reason="Guidance pushes the image away from the style that the prompt asks for.",
    bad=(
        Example("1girl, retro artstyle", negative="worst quality, old, early"),
        Example("year 2005, 1girl", negative="old"),
    ),
    good=(Example("1girl, year 2025", negative="old, early"), Example("1girl, old man", negative="early")),
    check=check,
    roles=SHOWN,
)
