"""A prompt with people but without a count tag."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context, Item
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, Safety, finding_at, plain
from anima_prompt.sections import Section

_PEOPLE = re.compile(
    r"\b(?:girls?|boys?|wom[ae]n|m[ae]n|lad(?:y|ies)|guys?|person|people|children|someone)\b", re.IGNORECASE
)


def check(context: Context) -> Iterator[Finding]:
    """Flag the first character, or unknown tag with a word for people, if there is no count tag."""
    if context.has(Section.COUNT) or context.datasets:
        return
    characters = context.of(Section.CHARACTER)
    if characters:
        entry = characters[0].entry
        count = entry.count if entry is not None and len(characters) == 1 else ""
        advice = f"add {count}" if count else "add 1girl, 2girls or similar"
        edit = _insert(characters[0], context, count) if count else None
        yield finding_at(characters[0], f"character without a count tag; {advice}", edits=[edit])
        return
    for item in context.items:
        if item.plain and item.section is Section.GENERAL and item.entry is None and _PEOPLE.search(item.text):
            yield finding_at(item, "people without a count tag; add 1girl, 1boy, 2girls or similar")
            return


def _insert(item: Item, context: Context, count: str) -> Edit | None:
    return Edit(item.start, item.start, f"{count}, ") if item.level is context.top else None


RULE = Rule(
    code="ANI414",
    name="missing-count",
    severity=Severity.INFO,
    reason="The training captions have a count tag after the quality tags. Prompts in sentences need none. Source: model "
    "card.",
    bad=(Example("safe, hatsune miku, smile", "safe, 1girl, hatsune miku, smile"), *plain("cute girl, smile")),
    good=plain(
        "1girl, hatsune miku", "no humans, forest", "A girl walks through the rain. Her coat is red.", "boyfriend jeans"
    ),
    fix=Safety.UNSAFE,
    check=check,
    roles=POSITIVE,
)
