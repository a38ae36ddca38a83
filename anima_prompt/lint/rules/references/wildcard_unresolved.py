"""``{a|b}``, ``__colour__``: unresolved wildcards, choices and variables."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Finding, Rule, found, plain, quoted

_WHAT = {"wildcard": "a wildcard", "choice": "a choice", "variable": "a variable"}


def check(context: Context) -> Iterator[Finding]:
    """Flag every unresolved wildcard, choice or variable."""
    for node in context.dynamics:
        if node.kind in _WHAT:
            message = f"{quoted(node.text)} is {_WHAT[node.kind]} that the model reads as it stands; resolve it first"
            yield found(node, message)


RULE = Rule(
    code="ANI118",
    name="wildcard-unresolved",
    severity=Severity.ERROR,
    reason="Wildcards and choices are another program's; what reaches the model is read letter by letter.",
    bad=plain("1girl, {red|blue} hair", "1girl, __colour__ dress", "1girl, ${hat}"),
    good=plain("1girl, red hair", "1girl, |_|", "1girl, o_o, @_@"),
    check=check,
    needs="{_",
)
