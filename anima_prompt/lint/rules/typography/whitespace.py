"""Double spaces, and commas or blanks at the end."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context, Gap
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, found, plain, quoted
from anima_prompt.syntax import nodes as syntax


def check(context: Context) -> Iterator[Finding]:
    """Flag blanks at the start or end or in a weight, a comma at the end, and two or more spaces in a row."""
    for gap in context.gaps:
        text = gap.text
        if gap.after is None:
            if gap.before is not None and (text.strip() == "," or (text.isspace() and text.strip("\n\r"))):
                right = "\n" if text.endswith("\n") else ""
                what = "a comma ends the prompt" if "," in text else "blanks end the prompt"
                yield found(gap, f"{what}; remove it", write=right)
        elif gap.before is None:
            if text.isspace():
                yield found(gap, "blanks lead the prompt; remove them", write="")
        elif text.count(",") == 1 and set(text) == {",", " "} and text.startswith(",") and len(text) > 2:
            yield found(gap, "one space behind a comma is enough", write=", ")
        elif set(text) == {" "} and len(text) > 1 and not _at_mark(gap):
            yield found(gap, "one space is enough", write=" ")
    if not context.environment.dialect.reads_brackets:  # A1111 takes such a number for text
        for group in context.groups:
            yield from _in_weight(group.node)
    if "  " in context.source:
        yield from _between_words(context)


def _between_words(context: Context) -> Iterator[Finding]:
    for item in context.items:
        if item.plain and "  " in item.text:
            yield found(item, "one space between words is enough", write=re.sub(" {2,}", " ", item.text))


def _in_weight(group: syntax.Group) -> Iterator[Finding]:
    """Flag blanks in a weight's parentheses: ``( smile : 1.3 )``."""
    _, *inner, last = group.children
    if not isinstance(last, syntax.Mark) or group.weight is None:
        return
    lead = inner[0] if inner and isinstance(inner[0], syntax.Separator) and inner[0].kind == "space" else None
    tail = inner[-1] if inner and isinstance(inner[-1], syntax.Separator) and inner[-1].kind == "space" else None
    if lead is not None and lead is not tail:
        yield found(lead, "no blanks belong inside a weight's parentheses; remove them", write="")
    text = "".join(last.text.split())
    if tail is not None or text != last.text:
        start = last.start if tail is None or tail is lead else tail.start
        yield found(
            (start, last.end), f"no blanks belong inside a weight's parentheses; write {quoted(text)}", write=text
        )


def _at_mark(gap: Gap) -> bool:
    return isinstance(gap.before, syntax.Mark) or isinstance(gap.after, syntax.Mark)


RULE = Rule(
    code="ANI205",
    name="whitespace",
    severity=Severity.INFO,
    reason="Extra blanks and a comma at the end are tokens without meaning; the captions had none.",
    bad=(
        Example("1girl,  smile, hat,", "1girl, smile, hat"),
        Example("long  hair, hat", "long hair, hat"),
        Example("1girl, ( smile: 1.3 )", "1girl, (smile:1.3)"),
    ),
    good=plain("1girl, smile, hat", "1girl, smile,\nhat", "1girl, smile\n"),
    fix=Safety.SAFE,
    check=check,
    needs=" ,\n",
)
