"""Two hair or eye colours for one person."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import WANTED, Finding, Rule, found, plain, quoted

_GROUPS = ("hair-colour", "eye-colour")


def check(context: Context) -> Iterator[Finding]:
    """Look for groups of colours of which one person has two."""
    names = context.by_name
    for conflict, group in context.clashes:
        if group.name in _GROUPS:
            first, second = names[conflict.tags[0]], names[conflict.tags[1]]
            part = group.name.split("-")[0]
            mixed = "multicolored hair" if part == "hair" else "heterochromia"
            yield found(
                second,
                f"{quoted(first.text)} and {quoted(second.text)} on one person; keep one, or add {quoted(mixed)}",
            )


RULE = Rule(
    code="ANI607",
    name="colour-conflict",
    severity=Severity.INFO,
    reason="Two colours of hair or eyes on one person go with multicolored hair or heterochromia in the captions.",
    bad=plain("1girl, red hair, blue hair, hat", "1girl, blue eyes, red eyes"),
    good=plain(
        "1girl, red hair, blue hair, multicolored hair", "2girls, red hair, blue hair", "1girl, red hair, blue eyes"
    ),
    check=check,
    roles=WANTED,
)
