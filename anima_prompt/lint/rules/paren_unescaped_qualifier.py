"""``len (tsukihime)``: the parentheses of a name, taken for a weight."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, found, plain, quoted
from anima_prompt.sections import Section
from anima_prompt.syntax import nodes as syntax

QUALIFIED = re.compile(r"[^()]*\w ?(?:\\?\([^()]+\) ?)+")
_LIVE = re.compile(r"(?<!\\)[()]")


def check(context: Context) -> Iterator[Finding]:
    """Look at tags that end in bare parentheses."""
    seen: set[int] = set()
    for group in context.groups:
        tag = group.inside
        if tag is None or group.node.weight is not None or tag.start in seen or not isinstance(tag, syntax.Tag):
            continue
        seen.add(tag.start)
        if tag.text.startswith("@") or not QUALIFIED.fullmatch(tag.text):
            continue
        facts = context.scope.facts(tag.text)
        escaped = _LIVE.sub(lambda match: f"\\{match.group()}", tag.text)
        if facts.entry is not None or facts.section is not Section.GENERAL:
            yield found(tag, f"the parentheses weight the word and vanish; write {quoted(escaped)}", write=escaped)
        else:
            message = (
                f"the parentheses weight the word and vanish; write {quoted(escaped)}, or a comma in front of them"
            )
            yield found(tag, message, write=escaped, severity=Severity.WARNING, safe=False)


RULE = Rule(
    code="ANI102",
    name="paren-unescaped-qualifier",
    severity=Severity.ERROR,
    reason="Bare parentheses are a weight of 1.1: the name falls apart and its qualifier loses the parentheses that "
    "it was trained with. Measured on ComfyUI 0.29.0. An unknown qualifier is a warning.",
    bad=(
        Example("1girl, len (tsukihime)", r"1girl, len \(tsukihime\)"),
        Example("1girl, hina (dress) (blue archive), smile", r"1girl, hina \(dress\) \(blue archive\), smile"),
    ),
    good=(*plain(r"1girl, len \(tsukihime\)", "1girl, (smile:1.2)"), Example("len (tsukihime)", dialect=Dialect.PLAIN)),
    fix=Safety.SAFE,
    check=check,
    needs="(",
)
