"""``len (tsukihime)``: the parentheses of a name, taken for a weight."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, found, plain, quoted
from anima_prompt.names import qualified, spaced, with_escapes
from anima_prompt.prompt.spelling import is_name
from anima_prompt.syntax import nodes as syntax


def check(context: Context) -> Iterator[Finding]:
    """Flag a tag that ends in unescaped parentheses; for an unknown name it is a warning."""
    seen: set[int] = set()
    for group in context.groups:
        tag = group.inside
        if tag is None or tag.start in seen or not isinstance(tag, syntax.TagNode):
            continue
        seen.add(tag.start)
        facts = context.environment.facts(tag.text)
        if facts.artist or not qualified(facts.literal):
            continue
        message = "the parentheses weight the word and vanish; write"
        if is_name(facts.literal, context.environment.vocabulary):
            right = spaced(with_escapes(tag.text))
            yield found(tag, f"{message} {quoted(right)}", write=right)
        elif group.node.weight is None:
            right = with_escapes(tag.text)
            message = f"{message} {quoted(right)}, or a comma in front of them"
            yield found(tag, message, write=right, severity=Severity.WARNING, safe=False)


RULE = Rule(
    code="ANI102",
    name="paren-unescaped-qualifier",
    severity=Severity.ERROR,
    reason="Bare parentheses are a weight of 1.1: the name falls apart and its qualifier loses the parentheses that "
    "it was trained with. Measured on ComfyUI 0.29.0. An unknown qualifier is a warning.",
    bad=(
        Example("1girl, len (tsukihime)", r"1girl, len \(tsukihime\)"),
        Example("1girl, hina (dress) (blue archive), smile", r"1girl, hina \(dress\) \(blue archive\), smile"),
        Example("1girl, asuna_(bunny)_(blue_archive)", r"1girl, asuna \(bunny\) \(blue archive\)"),
        Example("1girl, vertin_(reverse:1999)", r"1girl, vertin \(reverse:1999\)"),
        Example("1girl, aikatsu!_(series)", r"1girl, aikatsu! \(series\)"),
    ),
    good=(*plain(r"1girl, len \(tsukihime\)", "1girl, (smile:1.2)"), Example("len (tsukihime)", dialect=Dialect.PLAIN)),
    fix=Safety.SAFE,
    check=check,
    needs="(",
)
