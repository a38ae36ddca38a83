"""Both data-set tags."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Finding, Rule, found, plain


def check(context: Context) -> Iterator[Finding]:
    """Flag every data-set tag after the first."""
    names = [(node.start, node.end, node.text) for node in context.datasets]
    names += [(item.start, item.end, item.text) for item in context.items if item.text in ("ye-pop", "deviantart")]
    for start, end, text in sorted(names)[1:]:
        yield found((start, end), f"{text} is the second dataset tag; keep one")


RULE = Rule(
    code="ANI307",
    name="dataset-multiple",
    severity=Severity.ERROR,
    reason="A caption came from one data set. Source: model card.",
    bad=plain("ye-pop\ndeviantart\nA tree stands on a hill. The sky is pale."),
    good=plain("deviantart\nThe Last Ferry\nA small ferry crosses a dark lake. Lanterns hang from its rail."),
    check=check,
    needs="-v",
    roles=SHOWN,
)
