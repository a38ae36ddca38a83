"""A tag that another tag implies."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import WANTED, Example, Finding, Rule, Safety, found, plain, quoted
from anima_prompt.vocabulary.suggest import NAMED


def check(context: Context) -> Iterator[Finding]:
    """Flag a tag that another tag of the same weight implies; character and series names get no fix."""
    names = context.by_name
    relations = context.environment.relations
    for item in context.items:
        for implied in relations.implies(item.name):
            other = names.get(implied)
            if other is not None and other.plain and other.weight == item.weight:
                message = f"{quoted(other.text)} says nothing that {quoted(item.text)} does not; one of them is enough"
                edits = None if other.section in NAMED else [context.without(other)]
                yield found(other, message, edits=edits)


RULE = Rule(
    code="ANI605",
    name="near-duplicate",
    severity=Severity.INFO,
    reason="A narrower tag says what the broader one says. The captions contained both, so this is not a mistake, and "
    "the rule is off unless selected.",
    bad=(Example("1girl, long hair, very long hair", "1girl, very long hair"),),
    good=plain("1girl, very long hair", "1girl, long hair, hat"),
    fix=Safety.UNSAFE,
    check=check,
    roles=WANTED,
    default=False,
)
