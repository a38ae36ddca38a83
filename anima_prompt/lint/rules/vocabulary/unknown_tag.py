"""An unknown tag that is close to a known one."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint import words
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.lint.rules.vocabulary import tag_joined
from anima_prompt.names import name_to_text
from anima_prompt.sections import Section
from anima_prompt.vocabulary import suggest

_LEAST = 5
_MOST = 60


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag an unknown tag that is another spelling, or a typo, of a known tag."""
    near = suggestion(facts, environment)
    if near is not None:
        rights = [name_to_text(entry.name, environment.dialect) for entry in (near.entry, *near.alternatives)]
        message = f"unknown tag; did you mean {' or '.join(map(quoted, rights))}?"
        yield finding_at((0, len(facts.text)), message, write=rights[0] if near.is_sure else None)


def suggestion(facts: Facts, environment: Environment) -> suggest.Suggestion | None:
    """Return the known tag that an unknown one resembles, or None, also if tag-joined reports it."""
    if not is_candidate(facts, environment) or tag_joined.joined(facts.name, environment.vocabulary) is not None:
        return None
    return suggest.suggestion(environment.vocabulary, facts.name, words.english(environment.vocabulary))


def is_candidate(facts: Facts, environment: Environment) -> bool:
    """Return whether an unknown tag is worth a search: ASCII, of 5 to 60 characters."""
    if (
        facts.entry is not None
        or facts.artist
        or facts.section is not Section.GENERAL
        or facts.name in environment.words
    ):
        return False
    name = facts.name
    return _LEAST <= len(name) <= _MOST and name.isascii()


RULE = Rule(
    code="ANI601",
    name="unknown-tag",
    severity=Severity.INFO,
    reason="The model learned common tags from up to a million images, and misspelled tags from none. Live Danbooru names, English "
    "words and parts of names pass, and artists are never suggested. A fix needs a single common general, meta or quality "
    "tag that is one letter away; characters and series are only suggested.",
    bad=(
        Example("1girl, lookin at viewer, smile", "1girl, looking at viewer, smile"),
        Example("1girl, two tone hair", "1girl, two-tone hair"),
    ),
    good=plain("1girl, looking at viewer", "1girl, my_trigger", "1girl, dynamic pose", "slowking, suzumiya haruhiko"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
