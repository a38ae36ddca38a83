"""A repeated quality prefix."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context, Item
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain
from anima_prompt.sections import Section
from anima_prompt.syntax import nodes as syntax

_SECTIONS = (Section.QUALITY, Section.SAFETY, Section.YEAR)


def check(context: Context) -> Iterator[Finding]:
    """Flag a run of two or more repeated quality, safety or year tags; the fix keeps the first block."""
    if len(context.by_name) == len(context.items):
        return
    for run in repeats(context):
        edits = [context.removal(item) for item in run] if _joined(run) is None else [_joined(run)]
        yield finding_at((run[0].start, run[-1].end), "repeated block of quality tags; keep the first", edits=edits)


def repeats(context: Context) -> list[list[Item]]:
    """Return runs of two or more adjacent quality, safety or year tags that all repeat earlier tags."""
    runs: list[list[Item]] = []
    current: list[Item] = []
    for item in context.items:
        first = context.by_name[item.name]
        if item is not first and item.section in _SECTIONS and item.weight == first.weight and item.plain:
            current.append(item)
            continue
        runs.append(current)
        current = []
    runs.append(current)
    return [run for run in runs if len(run) > 1]


def _joined(run: list[Item]) -> Edit | None:
    """Return one edit that removes the run and a comma next to it, or None if the run is interrupted."""
    level = run[0].level
    places = [item.place for item in run]
    if any(item.level is not level for item in run) or places != list(range(places[0], places[-1] + 1, 2)):
        return None
    nodes = level.nodes
    after = nodes[places[-1] + 1] if places[-1] + 1 < len(nodes) else None
    before = nodes[places[0] - 1] if places[0] else None
    if isinstance(after, syntax.Separator) and after.kind == "comma":
        return Edit(run[0].start, after.end, "")
    if isinstance(before, syntax.Separator) and before.kind == "comma":
        return Edit(before.start, run[-1].end, "")
    return None


RULE = Rule(
    code="ANI215",
    name="duplicate-block",
    severity=Severity.WARNING,
    reason="The prefix was pasted twice; the repeat wastes tokens and makes the style more generic.",
    bad=(
        Example(
            "masterpiece, best quality, 1girl, masterpiece, best quality, hat", "masterpiece, best quality, 1girl, hat"
        ),
    ),
    good=plain("masterpiece, best quality, 1girl, hat"),
    fix=Safety.SAFE,
    check=check,
)
