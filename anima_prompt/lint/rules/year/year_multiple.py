"""Several years."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import WANTED, Example, Finding, Rule, Safety, found, plain, quoted


def check(context: Context) -> Iterator[Finding]:
    """Flag every year that differs from the first one."""
    years = [item for item in context.items if item.name.startswith("year_")]
    for item in years[1:]:
        if item.name != years[0].name:
            yield found(
                item,
                f"{quoted(item.text)} after {quoted(years[0].text)}; an image has one year, keep the first",
                edits=[context.without(item)],
            )


RULE = Rule(
    code="ANI420",
    name="year-multiple",
    severity=Severity.INFO,
    reason="A training caption has one year; two years blend two styles.",
    bad=(Example("year 2025, year 2024, 1girl", "year 2025, 1girl"),),
    good=plain("year 2025, newest, 1girl"),
    fix=Safety.UNSAFE,
    check=check,
    needs="y",
    roles=WANTED,
)
