"""``{a|b}``, ``__color__``: unresolved wildcards, choices and variables."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Finding, Rule, finding_at, plain, quoted

_KINDS = {"wildcard": "an unresolved wildcard", "choice": "an unresolved choice", "variable": "an unresolved variable"}


def check(context: Context) -> Iterator[Finding]:
    """Flag every unresolved wildcard, choice or variable."""
    for node in context.dynamics:
        if node.kind in _KINDS:
            message = (
                f"{quoted(node.text)} is {_KINDS[node.kind]}, which the model reads as text; resolve it before use"
            )
            yield finding_at(node, message)


RULE = Rule(
    code="ANI118",
    name="wildcard-unresolved",
    severity=Severity.ERROR,
    reason="Wildcards and choices are syntax of prompt generators; if they are not resolved, the model reads them as text.",
    bad=plain("1girl, {red|blue} hair", "1girl, __color__ dress", "1girl, ${hat}"),
    good=plain("1girl, red hair", "1girl, |_|", "1girl, o_o, @_@"),
    check=check,
    needs="{_",
)
