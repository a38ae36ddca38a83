"""``<fromto:…>`` and other syntax of SwarmUI."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Finding, Rule, found, plain, quoted

_REFERENCE = re.compile(
    r"<(?:alternate|alt|fromto|random|wildcard|segment|region|object|clear|setvar|var|setmacro|macro|trigger|param|repeat"
    r"|preset|p|embed|embedding|break|comment|clip|base|refiner|video)(?:\[[^\]\n]*\])?(?::[^<>\n]*)?>"
)


def check(context: Context) -> Iterator[Finding]:
    """Flag a reference in SwarmUI's syntax, such as ``<random:hat,cap>``, anywhere in the text."""
    for match in _REFERENCE.finditer(context.source):
        yield found(
            match.span(), f"{quoted(match.group())} is SwarmUI's syntax, plain text elsewhere; resolve it first"
        )


RULE = Rule(
    code="ANI126",
    name="reference-foreign",
    severity=Severity.WARNING,
    reason="SwarmUI resolves such references before the prompt reaches the model; every other front end reads them "
    "as text.",
    bad=plain("1girl, <fromto[0.5]:hat,cap>", "1girl, <random:hat,cap>"),
    good=plain("1girl, >_<", "1girl, <|>_<|>", "1girl, <3"),
    check=check,
    needs="<",
)
