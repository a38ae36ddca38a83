"""A caption file that is not UTF-8."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files
from anima_prompt.lint.set_context import SetContext, SetFinding


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag a file in UTF-16 or in a code page, and UTF-8 with a byte-order mark."""
    for path, encoding in context.files.encodings:
        is_utf8 = encoding.startswith("UTF-8")
        message = f"the file is {encoding}; save it as UTF-8{' without one' if is_utf8 else ''}"
        yield SetFinding(message, path=path, severity=Severity.WARNING if is_utf8 else None)


RULE = Rule(
    code="CAP104",
    name="caption-encoding",
    severity=Severity.ERROR,
    reason="sd-scripts stops at text that is not UTF-8; diffusion-pipe reads the code page of the system. A byte-order "
    "mark is trained as a character. Source: measured, autumn 2026.",
    bad=files("a.png", r"a.txt: caf\xe9"),
    good=files("a.png", "a.txt: café"),
    check_set=check_set,
    roles=CAPTION,
)
