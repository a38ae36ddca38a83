"""A tag that nobody knows, close to one that everybody does."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint import words
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, found, plain, quoted
from anima_prompt.lint.scope import Facts, Scope
from anima_prompt.names import name_to_text
from anima_prompt.sections import Section

_LEAST = 5
_COMMON = 50


def check_tag(facts: Facts, scope: Scope) -> Iterator[Finding]:
    """Look up the neighbours of unknown tags; words that no tag resembles are left alone."""
    if facts.artist or not is_candidate(facts, scope):
        return
    known = words.english(scope.vocabulary)
    near = [match for match in scope.vocabulary.nearest(facts.name, limit=5) if _fits(facts.name, match.form, known)]
    if near:
        entry = near[0].entry
        right = name_to_text(near[0].form if entry.section is Section.CHARACTER else entry.name, scope.dialect)
        right = f"@{right}" if entry.section is Section.ARTIST else right
        yield found((0, len(facts.text)), f"unknown tag; did you mean {quoted(right)}?", write=right)


def is_candidate(facts: Facts, scope: Scope) -> bool:
    """Say whether an unknown tag is worth a search: a few plain words, no number, no trigger."""
    if facts.entry is not None or facts.section is not Section.GENERAL or facts.name in scope.words:
        return False
    name = facts.name
    if not _LEAST <= len(name) <= 48 or not name.isascii() or any(char.isdigit() for char in name):
        return False
    return all(part.isalpha() or "-" in part or "'" in part for part in re.split(r"[_()]+", name.strip("()")) if part)


def _fits(name: str, form: str, known: frozenset[str]) -> bool:
    """Say whether one may be meant by the other, word by word; a known English word is meant as it stands."""
    if name[0] != form[0]:
        return False
    words_of, words_in = name.replace("-", "_").split("_"), form.replace("-", "_").split("_")
    if len(words_of) != len(words_in):
        return len(name) >= 9 and not known.issuperset(words_of)
    odd = [(one, other) for one, other in zip(words_of, words_in, strict=True) if one != other]
    return all(one not in known and _is_slip(one, other) for one, other in odd)


def _is_slip(word: str, other: str) -> bool:
    """Say whether a word is a slip of another: one edit, or two in a word of eight letters and more."""
    from rapidfuzz.distance import OSA

    if len(word) < 4 or word[0] != other[0]:
        return False
    return OSA.distance(word, other) <= (2 if len(word) >= 8 else 1)


RULE = Rule(
    code="ANI601",
    name="unknown-tag",
    severity=Severity.INFO,
    reason="The model learned some tags from a million pictures and none from a misspelling. Words far from every "
    "tag are left alone: natural language is allowed everywhere.",
    bad=(Example("1girl, lookin at viewer, smile", "1girl, looking at viewer, smile"), *plain("1girl, two tone hair")),
    good=plain("1girl, looking at viewer", "1girl, stage lights", "1girl, my_trigger", "1girl, dynamic pose"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
