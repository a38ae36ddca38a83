"""A series before its character."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, Safety, finding_at, plain, quoted


def check(context: Context) -> Iterator[Finding]:
    """Flag the first series that comes before its character."""
    for item in context.items:
        entry = item.facts.entry
        if entry is None or not entry.series:
            continue
        series = context.by_name.get(entry.series)
        if series is not None and series.start < item.start and series.plain and item.plain:
            message = f"{quoted(series.text)} comes before its character {quoted(item.text)}; swap them, as in the training captions"
            swap = series.level is item.level
            edits = (
                (Edit(series.start, series.end, item.text), Edit(item.start, item.end, series.text)) if swap else None
            )
            yield finding_at(series, message, edits=edits)
            return


RULE = Rule(
    code="ANI302",
    name="series-before-character",
    severity=Severity.INFO,
    reason="The training captions name the character first and then the series. Source: model card.",
    bad=(Example("1girl, touhou, kirisame marisa", "1girl, kirisame marisa, touhou"),),
    good=plain("1girl, kirisame marisa, touhou", "touhou, 1girl"),
    fix=Safety.UNSAFE,
    check=check,
    roles=POSITIVE,
)
