"""A caption whose image is missing."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files
from anima_prompt.lint.set_context import SetContext, SetFinding


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag a text file next to images, or a row of a table, whose image is missing."""
    for path in context.files.without_image:
        yield SetFinding("no image of this name; rename the file, or take it out of the folder", path=path)


RULE = Rule(
    code="CAP102",
    name="caption-without-image",
    severity=Severity.WARNING,
    reason="Nothing is trained on it: the image was renamed, deleted, or never copied.",
    bad=files("a.png", "a.txt: 1girl", "b.txt: 1girl"),
    good=files("a.png", "a.txt: 1girl", "README.txt: about this set", "a_nl.txt: A girl."),
    check_set=check_set,
    roles=CAPTION,
)
