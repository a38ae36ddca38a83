"""``@a @b``: two artists without a comma."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, found, plain, quoted

_NEXT = re.compile(r"(?<!\s)\s++(?=@\w)")


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag an artist that is followed by a space and another ``@``."""
    if facts.text.count("@") < 2 or not facts.artist:
        return
    right = _NEXT.sub(", ", facts.text)
    if right != facts.text:
        yield found((0, len(facts.text)), f"missing comma between the artists; write {quoted(right)}", write=right)


RULE = Rule(
    code="ANI507",
    name="artist-run-on",
    severity=Severity.ERROR,
    reason="Without the comma the two names are one unknown artist.",
    bad=(Example("1girl, @wlop @kantoku, smile", "1girl, @wlop, @kantoku, smile"),),
    good=plain("1girl, @wlop, @kantoku", "1girl, @_@", "1girl, @@ichigo"),
    fix=Safety.SAFE,
    check_tag=check_tag,
)
