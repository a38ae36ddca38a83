"""A comment that suppresses no finding or names a retired rule. The linter reports it, after all other rules."""

from __future__ import annotations

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import Rule, plain

RULE = Rule(
    code="ANI001",
    name="unused-suppression",
    severity=Severity.WARNING,
    reason="A suppression that is no longer needed would hide the next real finding; one of a retired code has no effect.",
    bad=plain(
        "# anima: ignore ANI202\n1girl, long hair",
        "# anima: ignore\n1girl",
        "# anima: ignore ANI404\nscore_9, score_8, 1girl",
    ),
    good=plain("# anima: ignore ANI202 a LoRA trigger\n1girl, my_trigger", "1girl"),
)
