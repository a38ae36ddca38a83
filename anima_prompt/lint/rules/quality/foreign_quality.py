"""``very aesthetic``: another model's quality tag."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import spaced


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag a quality tag that the profile does not have, but other models do; scores have their own rules."""
    entry = facts.entry
    if entry is None or entry.group != "quality/foreign" or facts.name.startswith("score_"):
        return
    if spaced(facts.name) in environment.profile.quality_vocabulary:
        return
    right = spaced(entry.write)
    yield finding_at(
        (0, len(facts.text)),
        f"{quoted(facts.text)} is a quality tag of other models; write {quoted(right)}",
        write=right,
    )


RULE = Rule(
    code="ANI407",
    name="foreign-quality",
    severity=Severity.INFO,
    reason="Illustrious, NoobAI and other models have quality tags that Anima was not trained with. Source: model card.",
    bad=(Example("very aesthetic, 1girl", "best quality, 1girl"), *plain("amazing quality, 1girl")),
    good=(
        *plain("best quality, 1girl", "good quality, 1girl"),
        Example("very aesthetic, 1girl", profile="kirazuri"),
    ),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
