"""An unknown artist one letter away from a known one."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Finding, Rule, finding_at, plain, quoted
from anima_prompt.names import name_to_text
from anima_prompt.sections import Section
from anima_prompt.vocabulary.live_names import is_live, is_live_alias

_LEAST = 6


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag an unknown artist one letter from a known one; live artists and LoRA triggers pass."""
    if not facts.artist or facts.entry is not None or len(facts.name) < _LEAST or facts.name in environment.words:
        return
    if is_live(facts.name) or is_live_alias(facts.name):
        return
    if environment.vocabulary.lookup(facts.name) is not None or "@" in facts.text[1:] or "_" in facts.text:
        return
    for match in environment.vocabulary.nearest(facts.name, limit=5):
        if match.entry.section is Section.ARTIST and match.score >= 1 - 1.5 / len(facts.name):
            right = f"@{name_to_text(match.entry.trained, environment.dialect)}"
            yield finding_at((0, len(facts.text)), f"unknown artist; did you mean {quoted(right)}?")
            return


RULE = Rule(
    code="ANI512",
    name="artist-typo",
    severity=Severity.INFO,
    reason="The model does not recognize a misspelled artist. Unknown names that resemble no known artist pass, because they may "
    "be LoRA triggers, and so do names of live artists. There is no fix: it could replace one artist by another.",
    bad=plain("1girl, @shinkawa yoji"),
    good=plain("1girl, @shinkawa youji", "1girl, @nobody known at all"),
    check_tag=check_tag,
)
