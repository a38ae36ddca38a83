"""Weights in a front end that reads every character literally."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted

_WEIGHTED = re.compile(r"\(([^()]+):\s*-?\d+(?:\.\d+)?\)")


def check(context: Context) -> Iterator[Finding]:
    """Flag a weight such as ``(hat:1.5)``, unless it is part of a known tag."""
    title = context.environment.dialect.label
    for match in _WEIGHTED.finditer(context.source):
        if not context.environment.is_known(match.group()):
            inner = match[1].strip()
            yield finding_at(match.span(), f"{title} read weights as text; write {quoted(inner)}", write=inner)


RULE = Rule(
    code="ANI127",
    name="weight-unsupported",
    severity=Severity.WARNING,
    reason="A plain pipeline, such as one of diffusers, passes parentheses and numbers to the model as text.",
    bad=(Example("1girl, (hat:1.5), smile", "1girl, hat, smile", dialect=Dialect.PLAIN),),
    good=(*plain("1girl, (hat:1.5)"), Example("1girl, len (tsukihime), smile", dialect=Dialect.PLAIN)),
    fix=Safety.UNSAFE,
    check=check,
    needs="(",
    dialects=frozenset((Dialect.PLAIN,)),
)
