"""``longhair``, ``looking-at-viewer``: a known tag with its spaces lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import name_to_text
from anima_prompt.sections import Section
from anima_prompt.vocabulary import suggest
from anima_prompt.vocabulary.live_names import is_live

if TYPE_CHECKING:
    from anima_prompt.vocabulary import Vocabulary


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag an unknown tag that is a known one with a space left out or written as a hyphen."""
    if (
        facts.entry is not None
        or facts.artist
        or facts.section is not Section.GENERAL
        or facts.name in environment.words
    ):
        return
    near = joined(facts.name, environment.vocabulary)
    if near is not None:
        right = name_to_text(near.entry.name, environment.dialect)
        message = f"misspelled tag; write {quoted(right)}, as in the training captions"
        yield finding_at((0, len(facts.text)), message, write=right if near.is_sure else None)


def joined(name: str, vocabulary: Vocabulary) -> suggest.Suggestion | None:
    """Return the known tag that ``name`` spells with missing or wrong spaces, or None."""
    if not 6 <= len(name) <= 40 or not name.isascii() or is_live(name):
        return None
    near = suggest.with_other_gaps(vocabulary, name)
    if near is not None and "_" in name and "-" not in name:  # unknown-tag reports an extra space
        return near if near.entry.name == name.replace("_", "-") else None
    return near


RULE = Rule(
    code="ANI611",
    name="tag-joined",
    severity=Severity.INFO,
    reason="Words without a space, or joined by another character, are other tokens than the tag's.",
    bad=(
        Example("1girl, longhair", "1girl, long hair"),
        Example("1girl, looking-at-viewer", "1girl, looking at viewer"),
    ),
    good=plain("1girl, long hair", "1girl, back-to-back", "1girl, sunbeam", "1girl, cattail"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
