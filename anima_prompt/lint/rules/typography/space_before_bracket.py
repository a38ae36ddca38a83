"""``( best quality )``: spaces inside parentheses."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.syntax import nodes as syntax


def check(context: Context) -> Iterator[Finding]:
    """Flag spaces and commas directly inside the parentheses of a group, and spaces around the number of a weight."""
    for gap in context.gaps:
        if gap.text.strip(" ,"):
            continue
        opens = isinstance(gap.before, syntax.Mark)
        if opens or isinstance(gap.after, syntax.Mark):
            where = "after the opening" if opens else "before the closing"
            content = "comma" if "," in gap.text else "space"
            yield finding_at(gap, f"{content} {where} parenthesis; remove it", write="")
    if context.environment.dialect.reads_brackets:
        return  # A1111 reads a number with spaces around it as text
    for group in context.groups:
        mark = group.node.children[-1]
        right = "".join(mark.text.split()) if isinstance(mark, syntax.Mark) else ""
        if isinstance(mark, syntax.Mark) and right != mark.text:
            yield finding_at(mark, f"spaces around the number of a weight; write {quoted(right)}", write=right)


RULE = Rule(
    code="ANI206",
    name="space-before-bracket",
    severity=Severity.INFO,
    reason="The space becomes part of the weighted text and is tokenized with it.",
    bad=(
        Example("( best quality:2), 1girl", "(best quality:2), 1girl"),
        Example("1girl, (hat :2)", "1girl, (hat:2)"),
        Example("(smile: 1.3 )", "(smile:1.3)"),
    ),
    good=plain("(best quality:2), 1girl", "1girl, (hat:2), smile"),
    fix=Safety.SAFE,
    check=check,
    needs="([",
)
