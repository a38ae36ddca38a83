"""``@poco (asahi age)``: a qualifier behind an ``@`` without backslashes."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, found, plain, quoted
from anima_prompt.names import spaced, with_escapes
from anima_prompt.syntax import nodes as syntax


def check(context: Context) -> Iterator[Finding]:
    """Flag an artist that ends in unescaped parentheses; the fix also gives a known name its spaces."""
    seen: set[int] = set()
    for group in context.groups:
        tag = group.inside
        if not isinstance(tag, syntax.TagNode) or tag.start in seen or not tag.text.startswith("@"):
            continue
        seen.add(tag.start)
        if group.node.weight is None and tag.text.endswith(")"):
            known = context.environment.facts(tag.text).entry is not None
            right = with_escapes(tag.text)
            right = f"@{spaced(right[1:])}" if known else right
            yield found(tag, f"the parentheses weight the word and vanish; write {quoted(right)}", write=right)


RULE = Rule(
    code="ANI506",
    name="artist-unescaped-qualifier",
    severity=Severity.ERROR,
    reason="Bare parentheses are a weight of 1.1: the qualifier falls off the name, and another artist or none is "
    "found. Measured on ComfyUI 0.29.0.",
    bad=(Example("1girl, @poco (asahi age), smile", r"1girl, @poco \(asahi age\), smile"),),
    good=(
        *plain(r"1girl, @poco \(asahi age\)", "1girl, (@wlop:1.5)"),
        Example("@poco (asahi age)", dialect=Dialect.PLAIN),
    ),
    fix=Safety.SAFE,
    check=check,
    needs="@",
)
