"""A tag that another tag implies."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import WANTED, Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.vocabulary.suggest import NAMED


def check(context: Context) -> Iterator[Finding]:
    """Flag a tag that another tag of the same weight implies; character and series names get no fix."""
    names = context.by_name
    relations = context.environment.relations
    for item in context.items:
        for implied in relations.implies(item.name):
            broader = names.get(implied)
            if broader is not None and broader.plain and broader.weight == item.weight:
                message = f"{quoted(broader.text)} is implied by {quoted(item.text)}; remove {quoted(broader.text)}"
                edits = None if broader.section in NAMED else [context.removal(broader)]
                yield finding_at(broader, message, edits=edits)


RULE = Rule(
    code="ANI605",
    name="near-duplicate",
    severity=Severity.INFO,
    reason="A narrower tag includes the meaning of the broader tag. The training captions have both, so this is not a mistake, "
    "and the rule is off unless selected.",
    bad=(Example("1girl, long hair, very long hair", "1girl, very long hair"),),
    good=plain("1girl, very long hair", "1girl, long hair, hat"),
    fix=Safety.UNSAFE,
    check=check,
    roles=WANTED,
    default=False,
)
