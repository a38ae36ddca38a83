"""A caption file without text."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files
from anima_prompt.lint.set_context import SetContext, SetFinding


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag a caption that is empty or only whitespace."""
    for caption, text in enumerate(context.texts):
        if not text.strip():
            yield SetFinding("the caption is empty; write one, or delete the file", caption)


RULE = Rule(
    code="CAP103",
    name="empty-caption",
    severity=Severity.ERROR,
    reason="sd-scripts stops at an empty caption file, and diffusion-pipe leaves the image out. Source: measured, "
    "autumn 2026.",
    bad=files("a.png", "a.txt:"),
    good=files("a.png", "a.txt: 1girl"),
    check_set=check_set,
    roles=CAPTION,
)
