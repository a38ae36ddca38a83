"""A short prompt that names no place."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Finding, Rule, finding_at, plain
from anima_prompt.sections import Section

_MOST = 14
_PLACES = (
    "setting",
    "place",
    "background",
    "sky_time",
    "weather",
    "light",
    "season_event",
    "composition",
    "framing",
    "furniture",
    "plants",
)


def check(context: Context) -> Iterator[Finding]:
    """Flag a prompt with people and at most 14 tags, all known, none of which suggests a setting."""
    if (
        not context.people_count
        or len(context.items) > _MOST
        or context.sentences
        or context.datasets
        or context.dynamics
    ):
        return
    content = [item for item in context.items if item.section is Section.GENERAL]
    if len(content) < 2 or next(context.in_group(*_PLACES), None) is not None:
        return
    if any(item.entry is None for item in content):
        return  # an unknown phrase may name the place
    yield finding_at(
        content[-1], "no tag names a place, so the background stays plain; add one, such as 'classroom' or 'outdoors'"
    )


RULE = Rule(
    code="ANI904",
    name="flat-background",
    severity=Severity.INFO,
    reason="Users report plain backgrounds for short prompts without a place.",
    bad=plain("masterpiece, safe, 1girl, smile, hat, long hair"),
    good=plain("masterpiece, 1girl, smile, hat, classroom", "1girl, smile, white background", "no humans, flower, hat"),
    check=check,
    roles=POSITIVE,
)
