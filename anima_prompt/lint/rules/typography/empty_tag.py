"""``smile, , hat``: a comma without a tag before it."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain
from anima_prompt.syntax import nodes as syntax


def check(context: Context) -> Iterator[Finding]:
    """Flag a comma at the start of the prompt or a group, and two or more commas in a row."""
    for gap in context.gaps:
        commas = gap.text.count(",")
        if not commas or set(gap.text) - {",", " ", "\n", "."}:
            continue
        leads = gap.before is None or isinstance(gap.before, syntax.Mark)
        if leads and gap.after is not None and not isinstance(gap.after, syntax.Mark):
            yield finding_at(gap, "empty tag before the first comma; remove the comma", write="")
        elif commas > 1 and not leads and gap.after is not None and not isinstance(gap.after, syntax.Mark):
            stop = "." if gap.kinds[0] == "stop" else ","
            right = stop + ("\n" * min(gap.text.count("\n"), 2) or " ")
            yield finding_at(gap, "empty tag between two commas; keep one comma", write=right)


RULE = Rule(
    code="ANI204",
    name="empty-tag",
    severity=Severity.INFO,
    reason="The extra comma is a meaningless token, usually left over from a deleted tag or a wildcard.",
    bad=(Example("solo, , smile", "solo, smile"), Example(", 1girl, smile", "1girl, smile")),
    good=plain("solo, smile", "1girl, smile,\nhat"),
    fix=Safety.SAFE,
    check=check,
    needs=",",
)
