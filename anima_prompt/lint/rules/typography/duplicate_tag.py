"""The same tag twice."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted


def check(context: Context) -> Iterator[Finding]:
    """Flag a repeated tag; a repeat with a different weight may be intended, so it is only information."""
    if len(context.by_name) == len(context.items):
        return
    block = _blocks(context)
    for item in context.items:
        first = context.by_name[item.name]
        if item is first or not item.name or item.start in block or item.facts.artist != first.facts.artist:
            continue
        if item.weight != first.weight:
            message = f"duplicate tag {quoted(item.text)} with a different weight; keep one"
            yield finding_at(item, message, severity=Severity.INFO)
        elif item.plain and first.plain:
            yield finding_at(item, f"duplicate tag {quoted(item.text)}; keep the first", edits=[context.removal(item)])


def _blocks(context: Context) -> set[int]:
    """Return the starts of the tags that duplicate-block reports."""
    from anima_prompt.lint.rules.typography.duplicate_block import repeats

    return {item.start for run in repeats(context) for item in run}


RULE = Rule(
    code="ANI214",
    name="duplicate-tag",
    severity=Severity.WARNING,
    reason="The model was not trained with repeated tags; use a weight to strengthen a tag. No official prompt "
    "repeats a tag.",
    bad=(
        Example("1girl, smile, hat, smile", "1girl, smile, hat"),
        Example("1girl, long hair, long_hair", "1girl, long hair"),
    ),
    good=plain("1girl, smile, hat", "1girl, chibi, holding hat, hat"),
    fix=Safety.SAFE,
    check=check,
)
