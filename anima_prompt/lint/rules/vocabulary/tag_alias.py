"""A tag under another name than the captions had."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, found, plain, quoted
from anima_prompt.lint.scope import Facts, Scope
from anima_prompt.names import name_to_text
from anima_prompt.sections import Section


def check_tag(facts: Facts, scope: Scope) -> Iterator[Finding]:
    """Look at tags found by an alias."""
    entry = facts.entry
    if facts.artist or entry is None or entry.name == facts.name or entry.category == "closed":
        return
    if entry.section is Section.ARTIST:
        return
    right = name_to_text(entry.name, scope.dialect)
    yield found(
        (0, len(facts.text)), f"{quoted(facts.text)} is an alias; the captions had {quoted(right)}", write=right
    )


RULE = Rule(
    code="ANI602",
    name="tag-alias",
    severity=Severity.INFO,
    reason="Danbooru shows one name for what has several, and that one was in the captions. Source: Danbooru's "
    "active aliases, 2025-09-24.",
    bad=(Example("1girl, star eyes", "1girl, +_+"),),
    good=plain("1girl, +_+", "1girl, smile"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
