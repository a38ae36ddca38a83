"""Two caption files of one image that trainers choose between."""

from __future__ import annotations

import os
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files, quoted
from anima_prompt.lint.set_context import SetContext, SetFinding

_ENDINGS = (".txt", ".caption", ".json")


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag the second caption file with the name of one image and another ending."""
    first: dict[str, str] = {}
    for caption, (source, image) in enumerate(zip(context.sources, context.images, strict=True)):
        stem, ending = os.path.splitext(source)  # noqa: PTH122
        if image is None or ending.lower() not in _ENDINGS or os.path.splitext(image)[0] != stem:  # noqa: PTH122
            continue
        before = first.setdefault(image, source)
        if before != source:
            name = os.path.basename(before)  # noqa: PTH119
            yield SetFinding(f"{quoted(name)} is a caption of the same image; keep the one that is trained", caption)
            first[image] = source


RULE = Rule(
    code="CAP106",
    name="several-caption-files",
    severity=Severity.INFO,
    reason="A trainer reads one ending (sd-scripts .caption, others .txt), so that edits of the other are lost.",
    bad=files("a.png", "a.txt: 1girl", "a.caption: a girl"),
    good=files("a.png", "a.txt: 1girl", "a_nl.txt: A girl."),
    check_set=check_set,
    roles=CAPTION,
)
