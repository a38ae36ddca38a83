"""An image without a caption."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files
from anima_prompt.lint.set_context import SetContext, SetFinding


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag an image for which no caption was found."""
    for path in context.files.without_caption:
        yield SetFinding("the image has no caption; write a .txt of the same name, or take the image out", path=path)


RULE = Rule(
    code="CAP101",
    name="image-without-caption",
    severity=Severity.WARNING,
    reason="sd-scripts trains such an image with its class tokens or nothing, diffusion-pipe leaves it out. Source: "
    "measured, autumn 2026.",
    bad=files("a.png", "b.png", "b.txt: 1girl"),
    good=files("a.png", "a.txt: 1girl"),
    check_set=check_set,
    roles=CAPTION,
)
