"""More named characters than the count tags allow."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import WANTED, Finding, Rule, finding_at, plain, quoted
from anima_prompt.vocabulary.exclusive import DEPICTIONS

_UNCOUNTED = frozenset(("multiple_girls", "multiple_boys", "multiple_others", "6+girls", "6+boys", "6+others", "crowd"))


def check(context: Context) -> Iterator[Finding]:
    """Flag more named characters than the count tags say; two looks of one character count once."""
    people = context.people_count
    if not people or not _UNCOUNTED.isdisjoint(context.by_name) or not DEPICTIONS.isdisjoint(context.by_name):
        return
    named = [
        item for item in context.named_characters if item.entry and item.entry.count
    ]  # without a count: perhaps a pet or a machine
    if len(named) > people:
        message = (
            f"{len(named)} characters are named, but the count tags add up to {people}; raise the count, or remove "
        )
        yield finding_at(named[-1], message + quoted(named[-1].text))


RULE = Rule(
    code="ANI417",
    name="count-vs-named",
    severity=Severity.WARNING,
    reason="With two names and '1girl' the model merges both into one person. Fewer names than people is fine.",
    bad=plain("1girl, hatsune miku, kasane teto, smile"),
    good=plain(
        "2girls, hatsune miku, kasane teto",
        "2girls, hatsune miku",
        "1girl, 1boy, hatsune miku, kagamine len",
        "1girl, racing miku, hatsune miku",
        "1girl, hatsune miku, kasane teto, character doll",
    ),
    check=check,
    roles=WANTED,
)
