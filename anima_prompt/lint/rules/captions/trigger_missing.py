"""A caption without the trigger word."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files, quoted
from anima_prompt.lint.set_context import SetContext, SetFinding


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag a caption without the trigger, in whatever case and spelling."""
    if not context.trigger:
        return
    for caption, place in enumerate(context.trigger_places):
        if place == -2 and context.texts[caption].strip():
            yield SetFinding(f"the trigger {quoted(context.trigger)} is missing", caption)


RULE = Rule(
    code="CAP201",
    name="trigger-missing",
    severity=Severity.WARNING,
    reason="What the images share goes to whatever words the captions share; without the trigger it goes to others.",
    bad=files("--trigger mychar", "a.png", "a.txt: 1girl, smile"),
    good=files("--trigger mychar", "a.png", "a.txt: mychar, 1girl", "b.png", "b.txt: A girl, mychar, smiles."),
    check_set=check_set,
    roles=CAPTION,
)
