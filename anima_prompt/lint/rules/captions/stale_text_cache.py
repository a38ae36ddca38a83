"""A cached text encoding of another caption."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files
from anima_prompt.lint.set_context import SetContext, SetFinding


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag a cache whose token ids are not those of the caption, or that is older than it if no tokenizer is there."""
    for path, reason in context.files.stale:
        yield SetFinding(f"{reason}; delete the file, so that the trainer encodes the caption again", path=path)


RULE = Rule(
    code="CAP105",
    name="stale-text-cache",
    severity=Severity.ERROR,
    reason="sd-scripts keeps *_anima_te.npz when a caption changes, and trains the old text. Source: measured, "
    "autumn 2026.",
    bad=files("a.png", "a_anima_te.npz: 1girl", "a.txt: 1girl, smile"),
    good=files("a.png", "a.txt: 1girl, smile", "a_anima_te.npz: 1girl, smile"),
    check_set=check_set,
    roles=CAPTION,
)
