"""``1 girl``, ``two girls``: a misspelled count tag."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain

_NUMBERS = {"a": 1, "one": 1, "single": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_COUNT = re.compile(
    r"(?P<number>\d{1,2}|one|single|two|three|four|five|six)(?P<plus>\+?)[ _-]*(?P<kind>girl|boy|other)(?P<many>s?)"
)


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag a misspelled count tag, such as ``1 girl``, ``two girls`` or ``girl``."""
    text = facts.literal.lower()
    right = _LONE.get(text)
    match = _COUNT.fullmatch(text)
    if match:
        number = int(match["number"]) if match["number"].isdecimal() else _NUMBERS[match["number"]]
        if number == 0:
            return
        kind = match["kind"]
        right = f"1{kind}" if number == 1 else f"{number}{kind}s" if number < 6 else f"6+{kind}s"
    if right is not None and right != facts.text and facts.name not in environment.words:
        yield finding_at((0, len(facts.text)), f"misspelled count tag; write {right}", write=right)


_LONE = {"girl": "1girl", "boy": "1boy", "girls": "multiple girls", "boys": "multiple boys", "no human": "no humans",
         "nobody": "no humans", "no people": "no humans", "no person": "no humans"}  # fmt: skip

RULE = Rule(
    code="ANI415",
    name="count-spelling",
    severity=Severity.WARNING,
    reason="The training captions have 1girl, 2girls, 6+girls in one word; '1 girl' is other tokens. Source: model card.",
    bad=(
        Example("1 girl, smile", "1girl, smile"),
        Example("two girls, smile", "2girls, smile"),
        Example("1girls, 2boy", "1girl, 2boys"),
        Example("girl, smile", "1girl, smile"),
        Example("8girls", "6+girls"),
    ),
    good=plain("1girl, 2boys", "6+girls, multiple girls", "magical girl, 1girl", "no humans"),
    fix=Safety.SAFE,
    check_tag=check_tag,
)
