"""``year_2025``, ``2025``: a year that is not written as ``year 2025``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.document import Role
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import IMAGE_ROLES, Example, Finding, Rule, Safety, finding_at, plain

_YEAR = re.compile(r"(?:(?:year|y)[ _:=-]*)?(?P<year>(?:19|20)\d\d)s?", re.IGNORECASE)


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag a year that is not written as ``year 2025``; decades such as ``1990s`` pass."""
    match = _YEAR.fullmatch(facts.literal)
    if not match or (facts.text.endswith("s") and facts.entry is not None):
        return
    if facts.text.endswith("s") and match["year"][-1] == "0" and int(match["year"]) < 2005:
        return  # a decade is a style: 1990s
    right = f"year {match['year']}"
    if facts.text != right:
        yield finding_at((0, len(facts.text)), f"misspelled year; write '{right}'", write=right)


RULE = Rule(
    code="ANI418",
    name="year-format",
    severity=Severity.WARNING,
    reason="The training captions have 'year 2025', with the word and a space. Source: model card.",
    bad=(Example("year_2025, 1girl", "year 2025, 1girl"), *plain("2025, 1girl", "year: 2025, 1girl", "2025s, 1girl")),
    good=(*plain("year 2025, 1girl", r"1990s \(style\), 1girl"), Example("2023, 1girl", role=Role.CAPTION)),
    fix=Safety.SAFE,
    check_tag=check_tag,
    roles=IMAGE_ROLES,
)
