"""Tags that exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import WANTED, Finding, Rule, finding_at, plain, quoted
from anima_prompt.names import name_to_text

_OWN_RULES = frozenset(
    "hair-color eye-color periods safety nobody-girl nobody-boy girls boys one-or-many one-or-many-boys solo-couple "
    "crowd".split()
)


def check(context: Context) -> Iterator[Finding]:
    """Flag two tags of an exclusive group, each pair once; groups with their own rule pass."""
    names = context.by_canonical
    reported = set()
    for clash in context.clashes:
        if clash.group.name in _OWN_RULES or clash.pair in reported:
            continue
        reported.add(clash.pair)
        first, second = (
            quoted(names[name].text)
            + ("" if name == member else f" (implies {quoted(name_to_text(member, Dialect.PLAIN))})")
            for name, member in zip(clash.pair, clash.members, strict=True)
        )
        measured = f" ({clash.rate.describe()})" if clash.rate else ""
        message = f"{second} contradicts {first}{measured}; remove one of them, or add 'multiple views' if the image shows both"
        severity = Severity.WARNING if clash.group.certain else Severity.INFO
        yield finding_at(names[clash.pair[1]], message, severity=severity)


RULE = Rule(
    code="ANI606",
    name="contradiction-pairs",
    severity=Severity.WARNING,
    reason="The two tags exclude each other in one image. Pairs that often occur together anyway (at least 2 % of the posts "
    "or prompts with the rarer tag) pass; pairs that some images may show are information.",
    bad=plain("1girl, from above, from below, hat", "1girl, barefoot, boots", "1girl, open mouth, closed mouth"),
    good=plain(
        "1girl, from above, hat",
        "2girls, open mouth, closed mouth",
        "1girl, facing viewer, closed eyes",
        "1girl, portrait, upper body",
        "1girl, pinafore dress, long sleeves",
        "1girl, barefoot, holding shoes",
        "1girl, open mouth, closed mouth, comic",
    ),
    check=check,
    roles=WANTED,
)
