"""A caption and an image whose names differ in case."""

from __future__ import annotations

import os
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files, quoted
from anima_prompt.lint.set_context import SetContext, SetFinding


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag a caption that only finds its image if case is ignored."""
    for caption, image in context.files.other_case:
        name = os.path.splitext(os.path.basename(image))[0]  # noqa: PTH119, PTH122
        yield SetFinding(f"the image is called {quoted(name)}, in other case; rename the caption", caption)


RULE = Rule(
    code="CAP107",
    name="name-case",
    severity=Severity.WARNING,
    reason="Linux distinguishes capitals: trainers there do not find the caption, and train the image without it.",
    bad=files("A.png", "a.txt: 1girl"),
    good=files("A.png", "A.txt: 1girl"),
    check_set=check_set,
    roles=CAPTION,
)
