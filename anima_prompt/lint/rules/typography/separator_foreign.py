"""Tags separated by other characters than commas."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted

_DIVIDER = re.compile(r"(?:(?<!\s)\s++)?[;|/]\s*|(?<!\s)\s++[-•·]\s+")


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag an unknown tag that consists of several known tags with another separator than a comma."""
    if facts.everyday and ";" not in facts.text and "/" not in facts.text:
        return
    if facts.entry is not None or facts.artist:
        return
    parts = _DIVIDER.split(facts.text)
    if len(parts) > 1 and all(len(part) > 1 and environment.is_known(part.lower()) for part in parts):
        right = ", ".join(parts)
        yield finding_at((0, len(facts.text)), f"tags are separated by commas; write {quoted(right)}", write=right)


RULE = Rule(
    code="ANI218",
    name="separator-foreign",
    severity=Severity.WARNING,
    reason="The training captions separate tags by commas; with another separator the model reads one unknown tag.",
    bad=(Example("1girl; smile; hat", "1girl, smile, hat"), Example("1girl | smile", "1girl, smile")),
    good=plain("1girl, smile", "1girl, ;d, |_|", "1girl, fate/grand order"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
