"""Tags that exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import WANTED, Finding, Rule, found, plain, quoted

_OWN_RULES = frozenset(
    "hair-colour eye-colour periods safety nobody-girl nobody-boy girls boys one-or-many one-or-many-boys solo-couple".split()
)


def check(context: Context) -> Iterator[Finding]:
    """Look for groups of which the prompt holds more than one tag; those with a rule of their own are left to it."""
    names = context.by_name
    for conflict, group in context.clashes:
        if group.name in _OWN_RULES:
            continue
        first, second = names[conflict.tags[0]], names[conflict.tags[1]]
        severity = Severity.WARNING if group.certain else Severity.INFO
        yield found(second, f"{quoted(second.text)} contradicts {quoted(first.text)}; keep one", severity=severity)


RULE = Rule(
    code="ANI606",
    name="contradiction-pairs",
    severity=Severity.WARNING,
    reason="The two hardly ever stand on one picture: fewer than one in a hundred pictures of the rarer tag has the "
    "other (Danbooru, 2025-09-24). Pairs that meet more often are information.",
    bad=plain("1girl, from above, from below, hat", "1girl, barefoot, boots", "1girl, open mouth, closed mouth"),
    good=plain(
        "1girl, from above, hat",
        "2girls, open mouth, closed mouth",
        "1girl, facing viewer, closed eyes",
        "1girl, portrait, upper body",
    ),
    check=check,
    roles=WANTED,
)
