"""Two hair or eye colors for one person."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import WANTED, Finding, Rule, finding_at, plain, quoted

_MIXED = {"hair-color": "multicolored hair", "eye-color": "heterochromia"}


def check(context: Context) -> Iterator[Finding]:
    """Flag two different colors of hair or of eyes in a prompt of one person; shades of one color pass."""
    names = context.by_canonical
    for clash in context.clashes:
        mixed = _MIXED.get(clash.group.name)
        if mixed:
            first, second = (names[name] for name in clash.pair)
            measured = f" ({clash.rate.describe()})" if clash.rate else ""
            yield finding_at(
                second,
                f"{quoted(first.text)} and {quoted(second.text)} on one person{measured}; remove one of them, or add "
                f"{quoted(mixed)}",
            )


RULE = Rule(
    code="ANI607",
    name="color-conflict",
    severity=Severity.INFO,
    reason="Training captions with two colors of hair or eyes on one person also have 'multicolored hair' or 'heterochromia'. "
    "Shades that prompts often mix (white and grey hair, aqua and blue eyes) do not conflict.",
    bad=plain("1girl, red hair, blue hair, hat", "1girl, blue eyes, red eyes", "1boy, blonde hair, black hair"),
    good=plain(
        "1girl, red hair, blue hair, multicolored hair",
        "2girls, red hair, blue hair",
        "2girls, 1boy, red hair, blue hair",
        "1girl, red hair, blue eyes",
        "1girl, white hair, grey hair",
        "1girl, aqua eyes, blue eyes",
        "1girl, red hair, blue hair, dual persona",
    ),
    check=check,
    roles=WANTED,
)
