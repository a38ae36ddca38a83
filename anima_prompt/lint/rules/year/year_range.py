"""A year outside the range of the training images."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import IMAGE_ROLES, Example, Finding, Rule, Safety, finding_at, plain

_FIRST = 2005
_YEAR = re.compile(r"year_(\d{4})")


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag a year before 2005 or after the profile's latest year."""
    match = _YEAR.fullmatch(facts.name) if facts.name.startswith("year_") else None
    if not match:
        return
    last = environment.profile.latest_year
    right = f"year {min(max(int(match[1]), _FIRST), last)}"
    if right != f"year {match[1]}":
        message = f"the training images are from {_FIRST} to {last}; write '{right}'"
        yield finding_at((0, len(facts.text)), message, write=right)


RULE = Rule(
    code="ANI419",
    name="year-range",
    severity=Severity.WARNING,
    reason="The training images of the base model end in September 2025; year tags start at 2005. The profile of a "
    "finetune may set another range. Source: model card.",
    bad=(Example("year 2031, 1girl", "year 2025, 1girl"), *plain("year 1999, 1girl")),
    good=(*plain("year 2025, 1girl", "year 2005, 1girl"), Example("year 2026, 1girl", profile="2.9b")),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
    roles=IMAGE_ROLES,
)
