"""``Ye-Pop``, ``deviant art``: a misspelled dataset tag."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Example, Finding, Rule, Safety, finding_at, plain

_LINE = re.compile(r"[ \t]*(?P<name>ye[-_ ]?pop|deviant[-_ ]?art)[ \t]*(?=\n)", re.IGNORECASE)


def check(context: Context) -> Iterator[Finding]:
    """Flag a first line that is a dataset tag in another spelling, such as ``Ye-Pop``."""
    match = _LINE.match(context.source)
    if match is None:
        return
    right = "ye-pop" if match["name"].lower().startswith("y") else "deviantart"
    if match.group() != right and match.group().strip() != right:
        yield finding_at(match.span(), f"misspelled dataset tag; write '{right}'", write=right)


RULE = Rule(
    code="ANI308",
    name="dataset-spelling",
    severity=Severity.WARNING,
    reason="The training captions have 'ye-pop' and 'deviantart' in lower case. Source: model card.",
    bad=(Example("Ye-Pop\nA tree stands on a hill.", "ye-pop\nA tree stands on a hill."),),
    good=plain("ye-pop\nA tree stands on a hill.", "deviantart\nA hill."),
    fix=Safety.SAFE,
    check=check,
    needs="\n",
    roles=SHOWN,
)
