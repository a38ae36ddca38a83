"""Two periods, or a period that contradicts the year."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.document import Role
from anima_prompt.lint.rule import WANTED, Example, Finding, Rule, finding_at, plain, quoted

_PERIODS = ("old", "early", "mid", "recent", "newest")
_YEAR = re.compile(r"year_(\d{4})")


def check(context: Context) -> Iterator[Finding]:
    """Flag a second period, and a period that clearly contradicts the year."""
    periods = [item for item in context.items if item.name in _PERIODS]
    if not periods:
        return
    for item in periods[1:]:
        if item.name != periods[0].name:
            yield finding_at(
                item,
                f"{quoted(item.text)} contradicts {quoted(periods[0].text)}; an image has one period, remove one of them",
            )
    for item in context.items:
        match = _YEAR.fullmatch(item.name)
        if not match:
            continue
        year, period = int(match[1]), periods[0]
        if (period.name == "newest" and year < 2018) or (period.name in ("old", "early") and year > 2018):
            yield finding_at(period, f"{quoted(period.text)} contradicts {quoted(item.text)}; remove one of them")


RULE = Rule(
    code="ANI421",
    name="period-contradiction",
    severity=Severity.WARNING,
    reason="An image has one period. The card gives no years for the periods, so only clear contradictions are "
    "reported.",
    bad=plain("newest, old, 1girl", "year 2008, newest, 1girl"),
    good=(*plain("year 2025, newest, 1girl", "year 2015, mid, 1girl"), Example("old, early", role=Role.NEGATIVE)),
    check=check,
    roles=WANTED,
)
