"""A misspelled word in an unknown tag."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint import words
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain
from anima_prompt.lint.rules.vocabulary import tag_joined, unknown_tag
from anima_prompt.vocabulary.live_names import is_english, is_live, is_live_alias, is_word
from anima_prompt.vocabulary.spelling import is_mechanical

_LEAST = 7
_LEAST_ALONE = 8


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag an unknown tag that resembles no known tag and in which a single word looks misspelled."""
    if not facts.everyday or not unknown_tag.is_candidate(facts, environment):
        return
    if is_live(facts.name) or is_live_alias(facts.name):
        return
    known = words.english(environment.vocabulary)
    parts = facts.name.split("_")
    odd = _odd_word(parts, known)
    right = odd and _right_word(odd, known, alone=len(parts) == 1)
    if not right or unknown_tag.suggestion(facts, environment) or tag_joined.joined(facts.name, environment.vocabulary):
        return
    sure = is_mechanical(odd, right) or (" " in right and words.is_one_edit(odd, right.replace(" ", "")))
    text = " ".join(right if part == odd else part for part in parts)
    message = f"'{odd}' may be a typo; did you mean '{right}'?"
    yield finding_at((0, len(facts.text)), message, write=text if sure else None)


def _right_word(odd: str, known: frozenset[str], *, alone: bool) -> str | None:
    """Return the intended word, from tags or from English, or None; a rare lone word may be a name."""
    right = words.nearest(odd, known)
    if right is None:
        right = words.near_english(odd)
        if right is not None and alone and not is_mechanical(odd, right):
            return None
    return right


def _odd_word(parts: list[str], known: frozenset[str]) -> str:
    """Return the only unknown word of a tag, or "" if there are several or it is too short to judge."""
    odd = [part for part in parts if part not in known and not is_english(part)]
    least = _LEAST if len(parts) > 1 else _LEAST_ALONE
    if len(odd) != 1 or len(odd[0]) < least or not odd[0].isalpha() or is_word(odd[0]):
        return ""
    return odd[0]


RULE = Rule(
    code="ANI603",
    name="typo",
    severity=Severity.INFO,
    reason="A misspelled word is split into other tokens. The rule compares a word that is neither English nor part of a live "
    "name with the words of known tags and of English; a fix needs swapped, doubled or halved letters.",
    bad=(
        Example("1girl, softlighiting", "1girl, soft lighting"),
        Example("1girl, umbrela in the rain", "1girl, umbrella in the rain"),
    ),
    good=plain("1girl, soft lighting", "1girl, stage presence", "1girl, ray tracing", "riddle rosehearts, 1boy"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
