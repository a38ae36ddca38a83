"""Backslashes in a front end that reads every character literally."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain

_ESCAPED = re.compile(r"\\([()])")


def check(context: Context) -> Iterator[Finding]:
    """Flag a backslash before a parenthesis."""
    title = context.environment.dialect.label
    for match in _ESCAPED.finditer(context.source):
        yield finding_at(match.span(), f"{title} read backslashes as text; write '{match[1]}'", write=match[1])


RULE = Rule(
    code="ANI128",
    name="escape-unsupported",
    severity=Severity.WARNING,
    reason="A plain pipeline, such as one of diffusers, reads no weights and needs no escapes: the backslash reaches the model.",
    bad=(Example(r"1girl, len \(tsukihime\)", "1girl, len (tsukihime)", dialect=Dialect.PLAIN),),
    good=(*plain(r"len \(tsukihime\)"), Example(r"1girl, \m/", dialect=Dialect.PLAIN)),
    fix=Safety.SAFE,
    check=check,
    needs="\\",
    dialects=frozenset((Dialect.PLAIN,)),
)
