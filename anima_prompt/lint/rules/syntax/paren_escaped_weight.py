r"""``\(chibi:2\)``: a weight with escaped parentheses, which make it text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import escape

_WEIGHT = re.compile(r"\(([^()]*):\s*(\d+(?:\.\d+)?)\)")
_LETTER = re.compile(r"[^\d\s]")


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag an unknown tag that is a weighted group with escaped parentheses."""
    match = _WEIGHT.fullmatch(facts.literal) if facts.text.startswith("\\(") else None
    if match and _LETTER.search(match[1]) and facts.entry is None:
        right = f"({escape(match[1])}:{match[2]})"
        yield finding_at(
            (0, len(facts.text)),
            f"escaped parentheses are text, so the number is not a weight; write {quoted(right)}",
            write=right,
        )


RULE = Rule(
    code="ANI104",
    name="paren-escaped-weight",
    severity=Severity.WARNING,
    reason="Escaped parentheses are text: the model reads the number as a word. Measured on ComfyUI 0.29.0.",
    bad=(Example(r"1girl, \(chibi:2\), hat", "1girl, (chibi:2), hat"),),
    good=plain("1girl, (chibi:2), hat", r"fern \(sousou no frieren\)", r"emilia \(re:zero\)"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
    dialects=frozenset((Dialect.COMFYUI, Dialect.INVOKEAI, Dialect.A1111)),
)
