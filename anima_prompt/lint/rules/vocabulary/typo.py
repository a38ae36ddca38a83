"""A word in an unknown tag that is one letter off."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint import words
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, found, plain
from anima_prompt.lint.scope import Facts, Scope

_LEAST = 7


def check_tag(facts: Facts, scope: Scope) -> Iterator[Finding]:
    """Look at the words of unknown tags that no tag is near to."""
    from anima_prompt.lint.rules.vocabulary import unknown_tag

    if (
        not facts.everyday
        or not unknown_tag.is_candidate(facts, scope)
        or next(unknown_tag.check_tag(facts, scope), None)
    ):
        return
    known = words.english(scope.vocabulary)
    parts = facts.name.split("_")
    odd = [part for part in parts if part.isalpha() and len(part) >= _LEAST and part not in known]
    if len(odd) != 1 or len(odd) == len(parts) > 1:
        return
    right = words.nearest(odd[0], known)
    if right is not None:
        text = facts.text.replace(odd[0], right)
        yield found((0, len(facts.text)), f"'{odd[0]}' may be a typo; did you mean '{right}'?", write=text)


RULE = Rule(
    code="ANI603",
    name="typo",
    severity=Severity.INFO,
    reason="A misspelled word is cut into other tokens. Words are compared with those of all known tags.",
    bad=(
        Example("1girl, softlighiting", "1girl, soft lighting"),
        Example("1girl, umbrela in the rain", "1girl, umbrella in the rain"),
    ),
    good=plain("1girl, soft lighting", "1girl, stage lights", "1girl, stage presence"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
