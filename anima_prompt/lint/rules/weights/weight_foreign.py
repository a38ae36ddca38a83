"""``1.3::hair::``, ``{{hat}}``, ``hair++``: weights of NovelAI and compel."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect, ForeignDialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import IMAGE_ROLES, Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.prompt import convert

_NUMBER = re.compile(r"(?<![\w.:])-?(?:\d{1,2}(?:\.\d{1,4})?|\.\d{1,4})::(?=[^\s:])[^:{}\n]{1,300}::")
_BRACES = re.compile(r"\{{1,9}(?P<inner>[^{}|$\n]{1,300})\}{1,9}")
_SIGNS = re.compile(r"(?P<name>[^\W\d_][\w' -]{0,80}?)\+{2,8}(?=\s*(?:[,)]|$))", re.MULTILINE)
_GROUP = re.compile(
    r"(?<!\\)\((?P<name>[^()\\]{1,300})\)(?:\+{1,8}|-{1,8}|\d(?:\.\d{1,4})?)(?=\s*(?:,|$))", re.MULTILINE
)


def check(context: Context) -> Iterator[Finding]:
    """Flag weights in the syntax of NovelAI or compel."""
    source = context.source
    if "::" in source:
        yield from _findings(context, _NUMBER, ForeignDialect.NOVELAI)
    if "{" in source:
        yield from _findings(context, _BRACES, ForeignDialect.NOVELAI)
    if "+" in source:
        yield from _findings(context, _SIGNS, ForeignDialect.COMPEL)
    if ")" in source:
        yield from _findings(context, _GROUP, ForeignDialect.COMPEL)


def _findings(context: Context, pattern: re.Pattern[str], dialect: ForeignDialect) -> Iterator[Finding]:
    for match in pattern.finditer(context.source):
        if _is_meant(context, match, pattern):
            right = convert(match[0], dialect, context.environment.dialect).text
            message = f"{quoted(match[0])} is a weight in {_NAMES[dialect]} and text here; write {quoted(right)}"
            yield finding_at(match.span(), message, write=None if pattern is _BRACES else right)  # braces are templates


_NAMES = {ForeignDialect.NOVELAI: "NovelAI", ForeignDialect.COMPEL: "compel (InvokeAI)"}


def _is_meant(context: Context, match: re.Match[str], pattern: re.Pattern[str]) -> bool:
    """Return whether a match is neither a name, nor a variable of a template, nor a comment."""
    line = context.source[context.source.rfind("\n", 0, match.start()) + 1 :]
    if line.lstrip().startswith("#"):
        return False
    if pattern is _BRACES:
        return match[0].startswith("{{") or context.environment.is_known(match["inner"].strip())
    return pattern is _NUMBER or pattern is _GROUP or not context.environment.is_known(match[0].strip())


RULE = Rule(
    code="ANI131",
    name="weight-foreign",
    severity=Severity.WARNING,
    reason="NovelAI writes weights as 1.3::hair:: and {{hat}}, compel as hair++ and (red hat)1.3; other front ends give the "
    "signs to the model as text. 'anima-prompt convert --from novelai' or '--from compel' rewrites a whole prompt.",
    bad=(
        Example("1girl, 1.3::red hair::, smile", "1girl, (red hair:1.3), smile"),
        *plain("1girl, {{hat}}, smile", "1girl, {hat}, smile"),
        Example("1girl, hat++, smile", "1girl, (hat:1.21), smile"),
        Example("1girl, (red hat)1.3, smile", "1girl, (red hat:1.3), smile"),
        Example("1girl, (red hat)--, smile", "1girl, (red hat:0.81), smile"),
    ),
    good=plain(
        "1girl, (red hair:1.3), smile",
        "1girl, {hat|cap}, {subject}, smile",
        "nier:automata, ::<>::, smile",
        "c++ \\(language\\), 1girl",
        "1girl, (hat)",
    ),
    fix=Safety.UNSAFE,
    check=check,
    needs="{+:)",
    roles=IMAGE_ROLES,
    dialects=frozenset((Dialect.COMFYUI, Dialect.INVOKEAI, Dialect.A1111)),
)
