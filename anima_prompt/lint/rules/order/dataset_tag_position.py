"""``ye-pop`` that is not alone on the first line."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context, Item
from anima_prompt.lint.rule import SHOWN, Example, Finding, Rule, Safety, finding_at, plain
from anima_prompt.syntax import nodes as syntax

DATASETS = ("ye-pop", "deviantart")


def check(context: Context) -> Iterator[Finding]:
    """Flag a dataset tag among the tags of a prompt without a dataset line."""
    for item in context.items:
        if item.text not in DATASETS or context.datasets:
            continue
        if item.start == 0 and _followed_by_comma(item):
            continue  # dataset-tag-comma reports it
        removal = context.removal(item)
        first = Edit(0, 0, f"{item.text}\n")
        edits = [first, removal] if removal is not None and removal.start > 0 else [None]
        yield finding_at(item, f"{item.text} only works alone on the first line; move it there", edits=edits)


def _followed_by_comma(item: Item) -> bool:
    nodes = item.level.nodes
    after = nodes[item.place + 1] if item.place + 1 < len(nodes) else None
    return isinstance(after, syntax.Separator) and after.kind == "comma"


RULE = Rule(
    code="ANI304",
    name="dataset-tag-position",
    severity=Severity.ERROR,
    reason="In the training captions a dataset tag is alone on the first line; elsewhere it is a meaningless word. "
    "Source: model card.",
    bad=(Example("masterpiece, 1girl, ye-pop, forest", "ye-pop\nmasterpiece, 1girl, forest"),),
    good=plain("ye-pop\nA tree stands on a hill. The sky is pale.", "1girl, devil horns"),
    fix=Safety.UNSAFE,
    check=check,
    roles=SHOWN,
)
