"""``@Hokusai``: capitals after the ``@``."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag an artist with capitals; the fix is unsafe for an unknown name."""
    if facts.artist and facts.text != facts.text.lower() and facts.name not in environment.words:
        right = facts.text.lower()
        sure = facts.entry is not None
        yield finding_at(
            (0, len(facts.text)), f"artist names are lower case; write {quoted(right)}", write=right, safe=sure
        )


RULE = Rule(
    code="ANI504",
    name="artist-uppercase",
    severity=Severity.WARNING,
    reason="The training captions are lower case. An unknown name may be the trigger word of a LoRA, so its fix is "
    "unsafe.",
    bad=(Example("1girl, @Wlop", "1girl, @wlop"),),
    good=plain("1girl, @wlop", "1girl, @_@"),
    fix=Safety.SAFE,
    check_tag=check_tag,
)
