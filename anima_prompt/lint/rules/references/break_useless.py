"""``BREAK`` and other keywords that split a prompt in other front ends."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context, Level
from anima_prompt.lint.rule import IMAGE_ROLES, Example, Finding, Rule, Safety, finding_at, plain
from anima_prompt.syntax import nodes as syntax


def check(context: Context) -> Iterator[Finding]:
    """Flag ``BREAK``, and outside A1111-style front ends the region keywords too (``AND``, ``COUPLE``, ``ADDROW`` ...)."""
    title = context.environment.dialect.label
    for node, level, place in context.keywords:
        if node.text == "BREAK":
            message = (
                "BREAK has no effect with Anima, which does not split prompts into chunks of 77 tokens; write a comma"
            )
            yield finding_at(node, message, edits=[_comma(level, place)])
        elif not context.environment.dialect.reads_brackets:
            yield finding_at(node, f"{title} reads {node.text} as a word; use regional prompting instead")


def _comma(level: Level, place: int) -> Edit | None:
    """Return the edit that replaces the keyword and the separators around it with one comma."""
    nodes = level.nodes
    first = last = place
    while first and isinstance(nodes[first - 1], syntax.Separator):
        first -= 1
    while last + 1 < len(nodes) and isinstance(nodes[last + 1], syntax.Separator):
        last += 1
    if any(isinstance(node, syntax.Separator) and node.kind == "stop" for node in nodes[first : last + 1]):
        return None
    inside = first and not isinstance(nodes[first - 1], syntax.Mark)
    more = last + 1 < len(nodes) and not isinstance(nodes[last + 1], syntax.Mark)
    return Edit(nodes[first].start, nodes[last].end, ", " if inside and more else "")


RULE = Rule(
    code="ANI114",
    name="break-useless",
    severity=Severity.WARNING,
    reason="Anima reads the prompt as one text. Forge Neo turns BREAK into an item of weight -1, ComfyUI reads it as a "
    "word, and AND, COUPLE and similar keywords only work with additional nodes.",
    bad=(Example("1girl BREAK forest", "1girl, forest"), Example("1girl, BREAK, forest", "1girl, forest")),
    good=plain("1girl, forest", "break dance, 1girl", "1girl, coffee break"),
    fix=Safety.SAFE,
    check=check,
    roles=IMAGE_ROLES,
)
