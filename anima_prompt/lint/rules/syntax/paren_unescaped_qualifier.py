"""``len (tsukihime)``: the unescaped parentheses of a name are read as a weight."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.environment import Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import qualified, spaced, with_escapes
from anima_prompt.prompt.spelling import is_name
from anima_prompt.syntax import nodes as syntax


def check(context: Context) -> Iterator[Finding]:
    """Flag a tag or artist that ends in unescaped parentheses; for an unknown tag it is a warning."""
    seen: set[int] = set()
    for group in context.groups:
        tag = group.inside
        if tag is None or tag.start in seen or not isinstance(tag, syntax.TagNode):
            continue
        seen.add(tag.start)
        facts = context.environment.facts(tag.text)
        message = "unescaped parentheses are a weight of 1.1 and are removed; write"
        if facts.artist:
            if group.node.weight is None and tag.text.endswith(")"):
                right = _artist(tag.text, facts)
                yield finding_at(tag, f"{message} {quoted(right)}", write=right)
        elif not qualified(facts.literal):
            continue
        elif is_name(facts.literal, context.environment.vocabulary):
            right = spaced(with_escapes(tag.text))
            yield finding_at(tag, f"{message} {quoted(right)}", write=right)
        elif group.node.weight is None:
            right = with_escapes(tag.text)
            message = f"{message} {quoted(right)}, or a comma before them"
            yield finding_at(tag, message, write=right, severity=Severity.WARNING, safe=False)


def _artist(text: str, facts: Facts) -> str:
    """Return an artist with escapes, and with spaces if the name is known."""
    right = with_escapes(text)
    return f"@{spaced(right[1:])}" if facts.entry is not None else right


RULE = Rule(
    code="ANI102",
    name="paren-unescaped-qualifier",
    severity=Severity.ERROR,
    reason="Unescaped parentheses are a weight of 1.1: the name is split and its qualifier loses the parentheses that "
    "the training captions have. Measured on ComfyUI 0.29.0. An unknown qualifier is a warning.",
    bad=(
        Example("1girl, len (tsukihime)", r"1girl, len \(tsukihime\)"),
        Example("1girl, hina (dress) (blue archive), smile", r"1girl, hina \(dress\) \(blue archive\), smile"),
        Example("1girl, asuna_(bunny)_(blue_archive)", r"1girl, asuna \(bunny\) \(blue archive\)"),
        Example("1girl, vertin_(reverse:1999)", r"1girl, vertin \(reverse:1999\)"),
        Example("1girl, aikatsu!_(series)", r"1girl, aikatsu! \(series\)"),
        Example("1girl, @poco (asahi age), smile", r"1girl, @poco \(asahi age\), smile"),
    ),
    good=(
        *plain(r"1girl, len \(tsukihime\)", "1girl, (smile:1.2)", r"1girl, @poco \(asahi age\)", "1girl, (@wlop:1.5)"),
        *(Example(text, dialect=Dialect.PLAIN) for text in ("len (tsukihime)", "@poco (asahi age)")),
    ),
    fix=Safety.SAFE,
    check=check,
    needs="(",
)
