"""A known character without the series."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import name_to_text
from anima_prompt.sections import Section


def check(context: Context) -> Iterator[Finding]:
    """Flag the first character of a known series, if the prompt names no series at all."""
    if context.has(Section.SERIES):
        return
    for item in context.items:
        entry = item.entry
        if item.section is Section.CHARACTER and entry is not None and entry.series:
            text = name_to_text(entry.series, context.environment.dialect)
            _, end = context.outer(item)
            message = (
                f"{quoted(item.text)} is a character of {quoted(text)}; add the series, as in the training captions"
            )
            yield finding_at(item, message, edits=[Edit(end, end, f", {text}")])
            return


RULE = Rule(
    code="ANI608",
    name="missing-series",
    severity=Severity.INFO,
    reason="The training captions name the series after the character, which helps with rare characters. Source: model card; "
    "some official prompts have none.",
    bad=(Example("1boy, edward elric, smile", "1boy, edward elric, fullmetal alchemist, smile"),),
    good=plain("1boy, edward elric, fullmetal alchemist", "1girl, smile"),
    fix=Safety.UNSAFE,
    check=check,
    roles=POSITIVE,
)
