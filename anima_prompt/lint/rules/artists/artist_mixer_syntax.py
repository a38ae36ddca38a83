"""``::@a::0.6``: the syntax of a mixer node."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted

_MIXER = re.compile(r"::\s*@?[^:,\n]+::\s*\d*\.?\d+")


def check(context: Context) -> Iterator[Finding]:
    """Flag a weight in the syntax of artist mixer nodes, ``::name::0.6``, anywhere in the text."""
    for match in _MIXER.finditer(context.source):
        name, _, number = match.group()[2:].rpartition("::")
        right = f"({name.strip()}:{number.strip()})"
        yield finding_at(
            match.span(),
            f"{quoted(match.group())} is the syntax of artist mixer nodes; write {quoted(right)}",
            write=right,
        )


RULE = Rule(
    code="ANI513",
    name="artist-mixer-syntax",
    severity=Severity.WARNING,
    reason="Only artist mixer nodes interpret the double colons; without such a node they are text.",
    bad=(Example("1girl, ::@wlop::0.6, smile", "1girl, (@wlop:0.6), smile"),),
    good=plain("1girl, (@wlop:0.6)", "1girl, :: , hat"),
    fix=Safety.UNSAFE,
    check=check,
    needs=":",
    dialects=frozenset((Dialect.COMFYUI, Dialect.INVOKEAI, Dialect.A1111)),
)
