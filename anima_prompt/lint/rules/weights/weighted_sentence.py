"""A weight on a whole sentence."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import IMAGE_ROLES, Finding, Rule, found, plain
from anima_prompt.syntax import nodes as syntax

_WORDS = 8


def check(context: Context) -> Iterator[Finding]:
    """Flag groups of eight words and more that have no comma, or that are a sentence or position clause."""
    for group in context.groups:
        node = group.node
        if node.weight in (None, 1) or group.inside is not None:
            continue
        body = context.source[node.start + 1 : node.children[-1].start]
        spoken = "," not in body or any(isinstance(child, syntax.SentenceNode) for child in node.children)
        if len(body.split()) >= _WORDS and spoken:
            yield found(node, "a weight on a whole sentence is coarse; weight its key noun instead")


RULE = Rule(
    code="ANI119",
    name="weighted-sentence",
    severity=Severity.INFO,
    reason="Every row of the sentence is scaled alike, the small words too; a weight on the noun does what is wanted "
    "and leaves the rest in balance.",
    bad=plain(
        "1girl, (a girl standing in a field of tall yellow flowers:1.3)",
        "2girls, (Girl on the left: red hair, blue eyes:1.3)",
    ),
    good=plain(
        "A girl standing in a field of (tall yellow flowers:2).",
        "(hat, smile, long hair, blue eyes, red dress, rain:2)",
    ),
    check=check,
    needs="(",
    roles=IMAGE_ROLES,
)
