"""``/(medium/)``, ``&#40;`` and other wrong escapes of parentheses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted

_SLASHES = re.compile(r"/\((?P<inner>[^()/\\,\n]*+)/\)")
_DOUBLE = re.compile(r"\\\\\((?P<inner>[^()\\,\n]*+)\\\\\)")
_FIRST = re.compile(r"(?<!\\)\\\((?P<inner>[^()\\,\n]*+)\)")
_LAST = re.compile(r"(?<!\\)\((?P<inner>[^()\\,:\n]*+)\\\)")
_LETTER = re.compile(r"\w")
_PATTERNS = (("/(", _SLASHES), ("\\\\(", _DOUBLE), ("\\(", _FIRST), ("\\)", _LAST))
_ENTITY = re.compile(r"&#4[01];")


def check(context: Context) -> Iterator[Finding]:
    """Flag parentheses that are escaped with slashes, with two backslashes, on one side, or as HTML."""
    if "(" in context.characters:
        for mark, pattern in _PATTERNS:
            for match in pattern.finditer(context.source) if mark in context.source else ():
                if not _LETTER.search(match["inner"]):
                    continue
                right = f"\\({match['inner']}\\)"
                yield finding_at(
                    match.span(), f"{quoted(match.group())} is not a valid escape; write {quoted(right)}", write=right
                )
    if "&" in context.characters:
        for match in _ENTITY.finditer(context.source):
            right = "\\(" if match.group() == "&#40;" else "\\)"
            yield finding_at(
                match.span(),
                f"{quoted(match.group())} is an HTML entity, which no front end decodes; write '{right}'",
                write=right,
            )


RULE = Rule(
    code="ANI103",
    name="paren-wrong-escape",
    severity=Severity.ERROR,
    reason="Only a backslash before each parenthesis makes it text; a slash, two backslashes, or a backslash before "
    "only one of them leave a weight and a stray character. Measured on ComfyUI 0.29.0.",
    bad=(
        Example("1girl, watercolor /(medium/), flower", r"1girl, watercolor \(medium\), flower"),
        Example(r"1girl, watercolor \(medium), flower", r"1girl, watercolor \(medium\), flower"),
        Example("fern &#40;sousou no frieren&#41;", r"fern \(sousou no frieren\)"),
    ),
    good=plain(r"watercolor \(medium\), flower", r"1girl, \m/, (smile:1.2)", r"1girl, \o/"),
    fix=Safety.SAFE,
    check=check,
    needs="(&",
    dialects=frozenset((Dialect.COMFYUI, Dialect.INVOKEAI, Dialect.A1111)),
)
