"""A name without the qualifier that distinguishes it from others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Finding, Rule, finding_at, plain, quoted
from anima_prompt.names import QUALIFIER, name_to_text
from anima_prompt.sections import Section
from anima_prompt.vocabulary.live_names import is_english, is_live, is_live_alias
from anima_prompt.vocabulary.suggest import NAMED

if TYPE_CHECKING:
    from anima_prompt.vocabulary import Entry, Vocabulary


_SHOWN = 3


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag an unknown name that is known with a qualifier; no fix, because several names may fit."""
    if facts.entry is not None or facts.artist or facts.section is not Section.GENERAL or len(facts.name) < 3:
        return
    if facts.name in environment.words or not facts.everyday or is_live(facts.name) or is_live_alias(facts.name):
        return
    forms = _qualified(facts.name, environment.vocabulary)
    if forms:
        advice = " or ".join(quoted(name_to_text(form, environment.dialect)) for form in forms[:_SHOWN])
        yield finding_at((0, len(facts.text)), f"{quoted(facts.text)} is ambiguous; write {advice}")


def _qualified(name: str, vocabulary: Vocabulary) -> list[str]:
    """Return the known names that are ``name`` plus a qualifier, most common first, without artists and costumes.

    An English word names a thing: ``black`` does not mean ``black_(pokemon)``, ``star`` may mean ``star_(sky)``.
    """
    is_thing = is_english(name)
    is_phrase = all(map(is_english, name.split("_")))
    entries: dict[str, None] = {}
    for form in vocabulary.complete(f"{name}_(", limit=8):
        entry = vocabulary.lookup(form) if form.startswith(f"{name}_(") else None
        if entry is None or entry.section is Section.ARTIST or form.endswith("_(cosplay)"):
            continue
        if (is_thing and entry.section in NAMED) or (is_phrase and _is_of_series(entry, vocabulary)):
            continue
        entries[entry.name if entry.name.startswith(f"{name}_(") else form] = None
    return list(entries)


def _is_of_series(entry: Entry, vocabulary: Vocabulary) -> bool:
    """Return whether a tag that names neither a character nor a series has a series as its qualifier."""
    match = QUALIFIER.search(entry.name)
    if entry.section in NAMED or match is None:
        return False
    series = vocabulary.lookup(match.group(1)) or vocabulary.lookup(f"{match.group(1)}_(series)")
    return series is not None and series.section is Section.SERIES


RULE = Rule(
    code="ANI610",
    name="ambiguous-tag",
    severity=Severity.INFO,
    reason="Danbooru distinguishes names by a qualifier, which the training captions have; the bare name may mean nothing or "
    "another character. A live name passes, and an English word means a thing, not a person.",
    bad=plain("1girl, yamakaze, smile"),
    good=plain(r"1girl, yamakaze \(kancolle\), smile", "1girl, smile", "1girl, black, deadpool"),
    check_tag=check_tag,
)
