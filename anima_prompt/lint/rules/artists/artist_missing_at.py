"""``wlop``: an artist without the ``@``."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import name_to_text
from anima_prompt.sections import Section

_CERTAIN = 300


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag a known artist without ``@``."""
    entry = facts.entry
    if entry is None or entry.section is not Section.ARTIST or facts.artist or facts.name in environment.words:
        return
    right = f"@{name_to_text(entry.trained, environment.dialect)}"
    curated = entry.recognized or entry.curated
    severity = None if curated else Severity.WARNING if entry.post_count >= _CERTAIN else Severity.INFO
    message = f"{quoted(facts.text)} is an artist; without '@' the style is barely visible; write {quoted(right)}"
    yield finding_at((0, len(facts.text)), message, write=right, severity=severity)


RULE = Rule(
    code="ANI501",
    name="artist-missing-at",
    severity=Severity.ERROR,
    reason="The training captions have '@' before artists; without it the effect is very weak. An artist known only from an "
    "imported list is a warning, or information below 300 posts. Source: model card.",
    bad=(Example("1girl, wlop, smile", "1girl, @wlop, smile"), *plain("1girl, (kantoku:1.5), smile")),
    good=plain("1girl, @wlop, smile", "1girl, hatsune miku", "1girl, nobody known"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
