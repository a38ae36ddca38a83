"""Double spaces, and commas or spaces at the end."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context, Gap
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain
from anima_prompt.syntax import nodes as syntax


def check(context: Context) -> Iterator[Finding]:
    """Flag spaces at the start or end, a comma at the end, and two or more spaces in a row."""
    for gap in context.gaps:
        text = gap.text
        if gap.after is None:
            if gap.before is not None and (text.strip() == "," or (text.isspace() and text.strip("\n\r"))):
                right = "\n" if text.endswith("\n") else ""
                fault = "trailing comma" if "," in text else "trailing spaces"
                yield finding_at(gap, f"{fault}; remove {'it' if ',' in text else 'them'}", write=right)
        elif gap.before is None:
            if text.isspace():
                yield finding_at(gap, "leading spaces; remove them", write="")
        elif text.count(",") == 1 and set(text) == {",", " "} and text.startswith(",") and len(text) > 2:
            yield finding_at(gap, "more than one space after the comma; write one", write=", ")
        elif set(text) == {" "} and len(text) > 1 and not _at_mark(gap):
            yield finding_at(gap, "more than one space; write one", write=" ")
    if "  " in context.source:
        for item in context.items:
            if item.plain and "  " in item.text:
                yield finding_at(
                    item, "more than one space between words; write one", write=re.sub(" {2,}", " ", item.text)
                )


def _at_mark(gap: Gap) -> bool:
    return isinstance(gap.before, syntax.Mark) or isinstance(gap.after, syntax.Mark)


RULE = Rule(
    code="ANI205",
    name="whitespace",
    severity=Severity.INFO,
    reason="Extra spaces and a comma at the end are meaningless tokens, which the training captions do not have.",
    bad=(Example("1girl,  smile, hat,", "1girl, smile, hat"), Example("long  hair, hat", "long hair, hat")),
    good=plain("1girl, smile, hat", "1girl, smile,\nhat", "1girl, smile\n"),
    fix=Safety.SAFE,
    check=check,
    needs=" ,\n",
)
