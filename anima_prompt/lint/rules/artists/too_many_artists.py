"""More artists than the model can blend."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Finding, Rule, finding_at, plain


def check(context: Context) -> Iterator[Finding]:
    """Flag the fourth artist of a prompt; with six artists or more it is a warning."""
    artists = {item.name: item for item in context.artists}
    if len(artists) > 3:
        last = list(artists.values())[3]
        severity = Severity.WARNING if len(artists) > 5 else None
        yield finding_at(
            last,
            f"{len(artists)} artists; a single artist is reliable and up to three blend; remove some",
            severity=severity,
        )


RULE = Rule(
    code="ANI510",
    name="too-many-artists",
    severity=Severity.INFO,
    reason="Users report that one artist is reliable, two or three blend, and more blur. From six artists on it is a warning.",
    bad=plain("1girl, @a b, @c d, @e f, @g h", "1girl, @a b, @c d, @e f, @g h, @i j, @k l"),
    good=plain("1girl, @wlop, @kantoku, @anmi"),
    check=check,
    needs="@",
    roles=SHOWN,
)
