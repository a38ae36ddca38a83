"""A prompt that names no artist and no style."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint import words
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Finding, Rule, finding_at, plain
from anima_prompt.sections import Section

_STYLE_GROUPS = ("medium", "technique", "style", "colour", "meta/visual")


def check(context: Context) -> Iterator[Finding]:
    """Flag a prompt without an artist, a year, a LoRA, or a tag or word for a style."""
    if not context.items or context.datasets or context.loras or context.artists or context.dynamics:
        return
    if any(item.section in (Section.YEAR, Section.ARTIST) for item in context.items):
        return
    if any(word in context.lowered for word in words.STYLE_WORDS) or next(context.in_group(*_STYLE_GROUPS), None):
        return
    first = context.items[0]
    yield finding_at(
        first, "no tag sets the style, so it changes from seed to seed; add an @artist, a medium or a year"
    )


RULE = Rule(
    code="ANI903",
    name="missing-style",
    severity=Severity.INFO,
    reason="The model has no default style: without an artist, a medium or a year the style differs between seeds.",
    bad=plain("masterpiece, safe, 1girl, smile, hat"),
    good=plain(
        r"masterpiece, 1girl, watercolor \(medium\)",
        "masterpiece, 1girl, @wlop",
        "1girl, year 2025",
        "1girl, flat color",
    ),
    check=check,
    roles=POSITIVE,
)
