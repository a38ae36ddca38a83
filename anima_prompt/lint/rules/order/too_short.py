"""A prompt that leaves most of the image undescribed."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Finding, Rule, finding_at, plain
from anima_prompt.numbers import counted
from anima_prompt.sections import Section

_LEAST = 4
_CONTENT = (Section.COUNT, Section.CHARACTER, Section.SERIES, Section.ARTIST, Section.GENERAL)
_WORDS = 8


def check(context: Context) -> Iterator[Finding]:
    """Flag prompts with fewer than four tags on the image and fewer than eight words in sentences."""
    content = sum(item.section in _CONTENT for item in context.items)
    if not context.items or content >= _LEAST or sum(len(s.text.split()) for s in context.sentences) >= _WORDS:
        return
    if context.dynamics or context.loras:
        return
    yield finding_at(
        (0, len(context.source.rstrip())),
        f"the prompt describes little of the image ({counted(content, 'tag')}); add appearance, clothes, a place or lighting",
    )


RULE = Rule(
    code="ANI309",
    name="too-short",
    severity=Severity.INFO,
    reason="Short prompts give unpredictable images, sometimes unsuitable ones. Source: model card; some official "
    "examples are as short.",
    bad=plain("1girl", "masterpiece, best quality, safe, 1girl, smile"),
    good=plain(
        "1girl, silver hair, school uniform, classroom",
        "A girl with silver hair sits in an empty classroom.",
        "2girls. Left: red hair, blue eyes. Right: black hair, glasses.",
    ),
    check=check,
    roles=POSITIVE,
)
