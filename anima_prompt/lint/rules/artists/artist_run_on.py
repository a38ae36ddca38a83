"""``@a @b``: two artists without a comma."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted

_NEXT = re.compile(r"(?<!\s)\s++(?=@\w)")


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag an artist that is followed by another ``@``, with or without a space."""
    if facts.text.count("@") < 2 or not facts.artist:
        return
    right = _NEXT.sub(", ", facts.text)
    if right == facts.text and not _is_one_name(facts):
        right = "@" + facts.text[1:].replace("@", ", @")
    if right != facts.text:
        yield finding_at((0, len(facts.text)), f"missing comma between the artists; write {quoted(right)}", write=right)


def _is_one_name(facts: Facts) -> bool:
    """Return whether the second ``@`` is part of a known name or a second marker, which artist-double-at reports."""
    return facts.entry is not None or facts.text.startswith("@@") or " @" in facts.text


RULE = Rule(
    code="ANI507",
    name="artist-run-on",
    severity=Severity.ERROR,
    reason="Without the comma the two names are one unknown artist.",
    bad=(
        Example("1girl, @wlop @kantoku, smile", "1girl, @wlop, @kantoku, smile"),
        Example("1girl, @wlop@kantoku", "1girl, @wlop, @kantoku"),
    ),
    good=plain("1girl, @wlop, @kantoku", "1girl, @_@", "1girl, @@ichigo"),
    fix=Safety.SAFE,
    check_tag=check_tag,
)
