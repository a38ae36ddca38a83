"""``no umbrella``: a negation, which draws what it names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context, Item
from anima_prompt.lint.document import Role
from anima_prompt.lint.rule import IMAGE_ROLES, Example, Finding, Rule, Safety, finding_at, plain, quoted

_NEGATION = re.compile(
    r"(?:no|without|not|never|don't|do not|avoid)(?: any| a| an| the| have| draw| show| include| wear(?:ing)?)* (?P<thing>[a-z].*)"
)


def check(context: Context) -> Iterator[Finding]:
    """Flag an unknown, unweighted tag that begins with a negation, such as ``no`` or ``without``."""
    for item in context.items:
        if item.entry is not None or not item.plain or item.facts.artist:
            continue
        match = _NEGATION.fullmatch(item.facts.literal.lower())
        if not match:
            continue
        thing = match["thing"]
        if context.role == Role.NEGATIVE:
            yield finding_at(
                item,
                f"tags of the negative prompt need no negation; write {quoted(thing)}",
                edits=[Edit(item.start, item.end, thing)],
            )
        else:
            yield finding_at(
                item,
                f"the model ignores the negation and may draw '{thing}'; move '{thing}' to the negative prompt",
                edits=_move(context, item, thing),
            )


def _move(context: Context, item: Item, thing: str) -> list[Edit | None] | None:
    if context.counterpart is None:
        return None
    end = len(context.counterpart.source.rstrip().rstrip(","))
    return [context.removal(item), Edit(end, end, f", {thing}" if end else thing, "negative")]


RULE = Rule(
    code="ANI807",
    name="negation-in-prompt",
    severity=Severity.INFO,
    reason="Text encoders mostly ignore negations. Known tags such as 'no humans' are exceptions.",
    bad=(
        Example("1girl, no umbrella, smile", "1girl, smile", negative="blurry", fixed_negative="blurry, umbrella"),
        Example("no extra fingers, blurry", "extra fingers, blurry", role=Role.NEGATIVE),
    ),
    good=plain("no humans, forest", "1girl, no lineart", "1girl, not smiling at all is fine. She reads."),
    fix=Safety.UNSAFE,
    check=check,
    needs="nNwWdDaA",
    roles=IMAGE_ROLES,
)
