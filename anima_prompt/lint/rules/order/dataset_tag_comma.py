"""``ye-pop, …``: a comma where a line break belongs."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Example, Finding, Rule, Safety, finding_at, plain
from anima_prompt.syntax import nodes as syntax


def check(context: Context) -> Iterator[Finding]:
    """Flag a dataset tag at the start of the prompt that is followed by a comma."""
    if not context.items or context.items[0].start or context.datasets:
        return
    item = context.items[0]
    after = context.top.nodes[1] if len(context.top.nodes) > 1 else None
    if item.text in ("ye-pop", "deviantart") and isinstance(after, syntax.Separator) and after.kind == "comma":
        yield finding_at(
            (item.start, after.end),
            "a dataset tag needs a line break after it, not a comma; write a line break",
            write=f"{item.text}\n",
        )


RULE = Rule(
    code="ANI305",
    name="dataset-tag-comma",
    severity=Severity.ERROR,
    reason="In the training captions a line break follows the dataset tag. Source: model card.",
    bad=(Example("ye-pop, a tree on a hill. The sky is pale.", "ye-pop\na tree on a hill. The sky is pale."),),
    good=plain("ye-pop\nA tree on a hill. The sky is pale."),
    fix=Safety.SAFE,
    check=check,
    roles=SHOWN,
)
