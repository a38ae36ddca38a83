"""``(x:0.5):``: a stray colon after a weight."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, found, plain
from anima_prompt.syntax import nodes as syntax


def check(context: Context) -> Iterator[Finding]:
    """Flag a colon directly after a group."""
    source = context.source
    for group in context.groups:
        end = group.node.end
        rest = source[end + 1 : end + 2]
        if (
            source[end : end + 1] == ":"
            and (not rest or rest in ", )\n")
            and not isinstance(group.inside, syntax.SentenceNode)
        ):
            yield found((end, end + 1), "the colon behind the parenthesis is left over; remove it", write="")


RULE = Rule(
    code="ANI117",
    name="stray-weight-colon",
    severity=Severity.WARNING,
    reason="The colon becomes a token of its own. Seen in the wild behind weights.",
    bad=(Example("1girl, (@wlop:0.5):, smile", "1girl, (@wlop:0.5), smile"),),
    good=plain("1girl, (@wlop:0.5), smile", "1girl, :3", "1girl, (hat:2), :d"),
    fix=Safety.SAFE,
    check=check,
    needs="(",
)
