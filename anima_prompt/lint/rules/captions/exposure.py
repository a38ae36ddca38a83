"""How often each image is trained."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files
from anima_prompt.lint.set_context import SetContext, SetFinding
from anima_prompt.numbers import counted

LOW, HIGH = 600, 720
"""Exposures per image that a field report suggests for a style. Source: report of a trainer, 2026."""


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Report, for each folder, exposures per image outside of 600 to 720, if the number of epochs was named."""
    epochs = context.files.epochs
    if not epochs:
        return
    for folder, repeats in context.files.repeats.items():
        seen = repeats * epochs
        if not LOW <= seen <= HIGH:
            need = max(1, round((LOW + HIGH) / 2 / repeats))
            message = (
                f"each image is trained {seen:,} times ({counted(repeats, 'repeat')} x {counted(epochs, 'epoch')}); a "
                f"field report suggests {LOW} to {HIGH} for a style: {need} epochs"
            )
            yield SetFinding(message, path=folder)


RULE = Rule(
    code="CAP404",
    name="exposure",
    severity=Severity.INFO,
    reason="Images x repeats x epochs decides how much is learned, more than the number of images.",
    bad=files("--epochs 3", "10_style/a.png", "10_style/a.txt: 1girl"),
    good=files("--epochs 66", "10_style/a.png", "10_style/a.txt: 1girl"),
    check_set=check_set,
    roles=CAPTION,
)
