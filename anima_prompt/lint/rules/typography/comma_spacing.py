"""``a,b`` and ``a , b``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain
from anima_prompt.syntax import nodes as syntax

_RIGHT = re.compile(r", ")


def check(context: Context) -> Iterator[Finding]:
    """Flag a comma with a space before it or none after it; a comma between digits passes."""
    for gap in context.gaps:
        if gap.text.count(",") != 1 or gap.before is None or gap.after is None or set(gap.text) - {",", " "}:
            continue
        if isinstance(gap.before, syntax.Mark) or isinstance(gap.after, syntax.Mark):
            continue
        tight = gap.text.endswith(",")
        if tight and context.source[gap.start - 1].isdigit() and context.source[gap.end].isdigit():
            continue  # 1,000
        if tight or gap.text.startswith(" "):
            fault = "missing space after the comma" if tight else "space before the comma"
            yield finding_at(gap, f"{fault}; write ', '", write=", ")


RULE = Rule(
    code="ANI203",
    name="comma-spacing",
    severity=Severity.WARNING,
    reason="Qwen's tokenizer splits 'tag,tag' into other tokens than 'tag, tag', which the training captions have.",
    bad=(Example("1girl,smile,hat", "1girl, smile, hat"), Example("1girl , smile", "1girl, smile")),
    good=plain("1girl, smile, hat", 'sign, "a,b"', "1,000 birds fly over the lake. They sing."),
    fix=Safety.SAFE,
    check=check,
    needs=",",
)
