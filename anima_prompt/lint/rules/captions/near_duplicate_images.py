"""Images that look alike."""

from __future__ import annotations

import os
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files, quoted
from anima_prompt.lint.set_context import SetContext, SetFinding


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag an image whose difference hash of 64 bits is at most four bits from that of an earlier one."""
    for path, other, distance in context.files.near_images:
        alike = "looks like" if distance else "looks the same as"
        name = quoted(os.path.relpath(other, os.path.dirname(path)))  # noqa: PTH120
        yield SetFinding(f"the image {alike} {name} (dHash distance {distance} of 64); keep one of them", path=path)


RULE = Rule(
    code="CAP403",
    name="near-duplicate-images",
    severity=Severity.WARNING,
    reason="A repeated image is trained as often as it is there. Found by dHash: each pixel of a gray 9x8 thumbnail is "
    "compared with its right neighbor. Mean colors must be near as well.",
    bad=files("a.png: red", "b.png: red", "a.txt: 1girl", "b.txt: 1boy"),
    good=files("a.png: red", "b.png: blue", "a.txt: 1girl", "b.txt: 1boy"),
    check_set=check_set,
    roles=CAPTION,
)
