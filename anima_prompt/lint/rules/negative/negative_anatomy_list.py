"""Too many tags for wrong anatomy in the negative prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context, Item
from anima_prompt.lint.document import Role
from anima_prompt.lint.rule import NEGATIVE, Example, Finding, Rule, Safety, finding_at

_LEAST = 6
_ANATOMY = re.compile(
    r"\b(?:bad|extra|missing|fused|mutated|malformed|deformed|poorly[ _]drawn|wrong|too[ _]many|fewer|disfigured|mutation|ugly|cropped"
    r"|disconnected|long[ _]neck|gross|cloned|duplicate|floating)\b.*\b(?:hands?|fingers?|limbs?|arms?|legs?|feet|foot|anatomy|face|eyes?"
    r"|neck|body|proportions?|digits?|toes?|ears?)\b|\b(?:mutation|deformed|disfigured|mutated|long neck)\b"
)


def check(context: Context) -> Iterator[Finding]:
    """Flag a negative prompt with six or more tags for wrong anatomy; the fix keeps the first two."""
    flaws = [item for item in context.items if _ANATOMY.search(item.text)]
    if len(flaws) >= _LEAST:
        edits = [context.removal(item) for item in flaws[2:]]
        message = f"{len(flaws)} tags for wrong anatomy do more harm than good; keep one or two"
        yield finding_at((flaws[0].start, flaws[-1].end), message, edits=edits if _apart(flaws[2:]) else None)


def _apart(items: list[Item]) -> bool:
    """Return whether the tags are far enough apart to remove each without its neighbor's comma."""
    return all(second.place - first.place > 2 for first, second in pairwise(items))


RULE = Rule(
    code="ANI805",
    name="negative-anatomy-list",
    severity=Severity.INFO,
    reason="The training captions rarely name such flaws, so the words mean hands and fingers more than flaws (one "
    "careful test).",
    bad=(
        Example(
            "bad hands, fused fingers, extra limbs, missing arms, bad anatomy, extra digits, mutated hands",
            role=Role.NEGATIVE,
        ),
    ),
    good=(Example("worst quality, bad hands, bad anatomy", role=Role.NEGATIVE),),
    fix=Safety.UNSAFE,
    check=check,
    roles=NEGATIVE,
)
