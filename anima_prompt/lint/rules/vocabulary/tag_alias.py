"""A tag under another name than in the training captions."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint import words
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import name_to_text
from anima_prompt.sections import Section
from anima_prompt.vocabulary.live_names import is_live
from anima_prompt.vocabulary.spelling import is_spelling
from anima_prompt.vocabulary.suggest import NAMED


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag an alias of a known tag, unless it is also the name of a live tag; artists have their own rule."""
    entry = facts.entry
    if facts.artist or entry is None or entry.name == facts.name or entry.category == "closed":
        return
    if entry.section in (Section.ARTIST, Section.COUNT) or is_live(facts.name):
        return  # artist-alias and count-spelling report those
    same = is_spelling if entry.section in NAMED else words.says_the_same
    right = name_to_text(entry.name, environment.dialect)
    message = f"{quoted(facts.text)} is an alias; write {quoted(right)}, as in the training captions"
    yield finding_at((0, len(facts.text)), message, write=right if same(facts.name, entry.name) else None)


RULE = Rule(
    code="ANI602",
    name="tag-alias",
    severity=Severity.INFO,
    reason="The training captions have the main name of each tag, not its aliases. Source: Danbooru's active aliases, "
    "2025-09-24. A fix needs the same words in another spelling, or several words: 'wave' is not 'waving'.",
    bad=(Example("1girl, star eyes", "1girl, +_+"),),
    good=plain("1girl, +_+", "1girl, smile"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
