"""``longhair``, ``looking-at-viewer``: a known tag with its spaces lost."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, found, plain, quoted
from anima_prompt.lint.scope import Facts, Scope
from anima_prompt.names import name_to_text
from anima_prompt.sections import Section


def check_tag(facts: Facts, scope: Scope) -> Iterator[Finding]:
    """Look at unknown tags that are known with spaces for hyphens, or with one space put in."""
    name = facts.name
    if facts.entry is not None or facts.artist or facts.section is not Section.GENERAL or not 6 <= len(name) <= 40:
        return
    if name in scope.words or not name.isascii():
        return
    choices = [name.replace("-", "_"), name.replace("_", "-")] if "-" in name or "_" in name else _split(name)
    for choice in choices:
        entry = scope.vocabulary.lookup(choice) if choice != name else None
        if entry is not None and entry.section is not Section.ARTIST:
            right = name_to_text(entry.name, scope.dialect)
            yield found((0, len(facts.text)), f"write {quoted(right)}, as the captions have it", write=right)
            return


def _split(name: str) -> list[str]:
    return [f"{name[:place]}_{name[place:]}" for place in range(3, len(name) - 2)]


RULE = Rule(
    code="ANI611",
    name="tag-joined",
    severity=Severity.INFO,
    reason="Words run together, or joined by another sign, are other tokens than the tag's.",
    bad=(
        Example("1girl, longhair", "1girl, long hair"),
        Example("1girl, looking-at-viewer", "1girl, looking at viewer"),
    ),
    good=plain("1girl, long hair", "1girl, back-to-back", "1girl, sunbeam"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
