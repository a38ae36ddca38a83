"""A prompt without a safety tag."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, Safety, finding_at, plain
from anima_prompt.sections import Section


def check(context: Context) -> Iterator[Finding]:
    """Flag a prompt without a safety tag; dataset prompts pass."""
    if context.datasets or not (context.items or context.sentences) or context.has(Section.SAFETY):
        return
    end = context.items[0].start if context.items else 0
    yield finding_at(
        (0, min(1, len(context.source))),
        "missing safety tag; add 'safe' for an image suitable for a general audience",
        edits=[_insert(context, end)],
    )


def _insert(context: Context, start: int) -> Edit | None:
    """Return the edit that inserts ``safe`` after the last quality tag, or at the start."""
    block = (Section.QUALITY, Section.META, Section.YEAR)
    leading = [
        item for item in context.items if item.section in block and item.level is context.top and not item.closing
    ]
    if leading:
        return Edit(leading[-1].end, leading[-1].end, ", safe")
    first = context.items[0] if context.items else None
    if first is not None and first.level is context.top and first.start == start and not first.closing:
        return Edit(first.start, first.start, "safe, ")
    return Edit(0, 0, "safe. ") if context.sentences and not context.items else None


RULE = Rule(
    code="ANI410",
    name="missing-safety",
    severity=Severity.INFO,
    reason="Short prompts may give unsuitable images, so the card asks for a safety tag; many good prompts, 13 of "
    "32 official ones among them, have none.",
    bad=(Example("masterpiece, 1girl, smile", "masterpiece, safe, 1girl, smile"), *plain("1girl, smile")),
    good=plain("masterpiece, safe, 1girl, smile", "ye-pop\nA tree stands on a hill. The sky is pale.", ""),
    fix=Safety.UNSAFE,
    check=check,
    roles=POSITIVE,
)
