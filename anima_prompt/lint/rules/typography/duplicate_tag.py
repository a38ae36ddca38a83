"""The same tag twice."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, found, plain, quoted


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
            text = f"{quoted(item.text)} is here twice with different weights; keep one"
            yield found(item, text, severity=Severity.INFO)
        elif item.plain and first.plain:
            yield found(item, f"{quoted(item.text)} is here already; keep the first", edits=[context.without(item)])


def _blocks(context: Context) -> set[int]:
    """Return the starts of the tags that duplicate-block reports."""
    from anima_prompt.lint.rules.typography.duplicate_block import repeats

    return {item.start for run in repeats(context) for item in run}


RULE = Rule(
    code="ANI214",
    name="duplicate-tag",
    severity=Severity.WARNING,
    reason="Repeating a tag does not strengthen it in a way that was trained; a weight does. No official prompt "
    "repeats one.",
    bad=(
        Example("1girl, smile, hat, smile", "1girl, smile, hat"),
        Example("1girl, long hair, long_hair", "1girl, long hair"),
    ),
    good=plain("1girl, smile, hat", "1girl, chibi, holding hat, hat"),
    fix=Safety.SAFE,
    check=check,
)
