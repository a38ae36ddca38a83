"""A trigger word in the middle of the tags."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files, quoted
from anima_prompt.lint.set_context import SetContext, SetFinding
from anima_prompt.sections import Section

_BEFORE = frozenset((Section.QUALITY, Section.META, Section.YEAR, Section.SAFETY, Section.COUNT, Section.CHARACTER))


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag a trigger after general tags, neither at the start nor with the character names."""
    if not context.trigger:
        return
    sections = [facts.section for facts in context.table]
    for caption, place in enumerate(context.trigger_places):
        if place <= 0:
            continue
        ids = context.tags[caption]
        if any(sections[number] not in _BEFORE for number in ids[:place]):
            message = f"the trigger {quoted(context.trigger)} is tag {place + 1} of {len(ids)}; put it at the start"
            yield context.at(caption, ids[place], message)


RULE = Rule(
    code="CAP202",
    name="trigger-position",
    severity=Severity.WARNING,
    reason="Trainers that shuffle keep the first tags; after them the trigger moves about, or is dropped. It belongs "
    "at the start, or with the names, after the count.",
    bad=files("--trigger mychar", "a.png", "a.txt: 1girl, smile, mychar"),
    good=files(
        "--trigger mychar", "a.png", "a.txt: mychar, 1girl, smile", "b.png", "b.txt: safe, 1girl, mychar, smile"
    ),
    check_set=check_set,
    roles=CAPTION,
)
