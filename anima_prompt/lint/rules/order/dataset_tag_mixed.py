"""A dataset tag together with booru tags."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Finding, Rule, finding_at, plain, quoted
from anima_prompt.sections import Section

_BOORU = (Section.QUALITY, Section.YEAR, Section.SAFETY, Section.COUNT, Section.CHARACTER, Section.ARTIST)


def check(context: Context) -> Iterator[Finding]:
    """Flag the first tag of the anime captions in a prompt with a dataset line."""
    if not context.datasets:
        return
    item = next((item for item in context.items if item.section in _BOORU), None)
    if item is not None:
        name = context.datasets[0].text
        yield finding_at(
            item,
            f"{quoted(item.text)} is a tag of the anime captions, which the captions of {name} do not have; remove {name} or the tags",
        )


RULE = Rule(
    code="ANI306",
    name="dataset-tag-mixed",
    severity=Severity.WARNING,
    reason="The training captions of ye-pop and deviantart are sentences without tags. Source: model card.",
    bad=plain("ye-pop\nmasterpiece, best quality, 1girl"),
    good=plain("ye-pop\nA tree stands on a hill. The sky is pale.", "masterpiece, 1girl"),
    check=check,
    roles=SHOWN,
)
