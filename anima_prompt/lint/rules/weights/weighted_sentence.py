"""A weight on a whole sentence."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import IMAGE_ROLES, Finding, Rule, found, plain

_WORDS = 8


def check(context: Context) -> Iterator[Finding]:
    """Flag a weighted group of eight or more words without a comma."""
    for group in context.groups:
        node = group.node
        if node.weight in (None, 1) or group.inside is not None:
            continue
        body = context.source[node.start + 1 : node.children[-1].start]
        if len(body.split()) >= _WORDS and "," not in body:
            yield found(node, "a weight on a whole sentence is coarse; weight its key noun instead")


RULE = Rule(
    code="ANI119",
    name="weighted-sentence",
    severity=Severity.INFO,
    reason="Every row of the sentence is scaled alike, the small words too; a weight on the noun does what is wanted "
    "and leaves the rest in balance.",
    bad=plain("1girl, (a girl standing in a field of tall yellow flowers:1.3)"),
    good=plain(
        "A girl standing in a field of (tall yellow flowers:2).",
        "(hat, smile, long hair, blue eyes, red dress, rain:2)",
    ),
    check=check,
    needs="(",
    roles=IMAGE_ROLES,
)
