"""``worst quality`` in the prompt itself."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context, Item
from anima_prompt.lint.document import Role
from anima_prompt.lint.rule import SHOWN, Example, Finding, Rule, Safety, finding_at, plain, quoted

_LOW = frozenset(("worst_quality", "low_quality", "score_1", "score_2", "score_3"))


def check(context: Context) -> Iterator[Finding]:
    """Flag a low-quality tag in the prompt; the fix moves it to the negative prompt if there is one."""
    for item in context.items:
        if item.name in _LOW and item.weight > 0:
            message = f"{quoted(item.text)} asks for a low-quality image; move it to the negative prompt"
            yield finding_at(item, message, edits=_move(context, item))


def _move(context: Context, item: Item) -> list[Edit | None]:
    removal = context.removal(item)
    if context.counterpart is None:
        return [removal]
    end = len(context.counterpart.source.rstrip().rstrip(","))
    present = item.name in context.counterpart.by_name
    return [removal] if present else [removal, Edit(end, end, f", {item.text}" if end else item.text, "negative")]


RULE = Rule(
    code="ANI409",
    name="low-quality-in-positive",
    severity=Severity.WARNING,
    reason="The model follows such tags. Most often the prompt and the negative prompt were swapped.",
    bad=(
        Example("worst quality, 1girl, smile", "1girl, smile"),
        Example("score_1, 1girl", "1girl", negative="blurry", fixed_negative="blurry, score_1"),
    ),
    good=(*plain("masterpiece, 1girl", "normal quality, 1girl"), Example("worst quality", role=Role.NEGATIVE)),
    fix=Safety.UNSAFE,
    check=check,
    roles=SHOWN,
)
