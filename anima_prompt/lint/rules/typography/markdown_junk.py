"""``**bold**``, bullet points, ``style: anime``: Markdown and labels of forms."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import IMAGE_ROLES, Example, Finding, Rule, Safety, finding_at, plain, quoted

_BOLD = re.compile(r"(?<![*\w])(\*\*|~~)(?=\S)([^*~\n]{1,80}?)(?<=\S)\1(?![*\w])")
_CODE = re.compile(r"`{1,3}([^`\n]*)`{1,3}")
_BULLET = re.compile(r"^(?:[-*•]|\d{1,2}[.)])[ \t]+(?=\S)", re.MULTILINE)
_LONGEST = 200
"""Longest text that is looked up, label and value together: no name is longer."""
_KEY = re.compile(
    r"^[ \t]*(?:style|art[_ ]style|subject|scene|setting|background|character|appearance|clothing|mood|lighting"
    r"|composition|camera|colors?|pose|action|quality|prompt|positive|negative|tags|description)[ \t]*:[ \t]*(?=\S)",
    re.MULTILINE | re.IGNORECASE,
)


def check(context: Context) -> Iterator[Finding]:
    """Flag Markdown (bold, strikethrough, code, lists) and labels of forms such as ``style:``."""
    source, signs = context.source, context.characters
    if "*" in signs or "~" in signs:
        for match in _BOLD.finditer(source):
            if context.is_quoted(match.start()):
                continue
            message = f"{quoted(match.group())} is Markdown formatting; write {quoted(match[2])}"
            yield finding_at(match.span(), message, write=match[2])
    if "`" in signs:
        for match in _CODE.finditer(source):
            if context.is_quoted(match.start()):
                continue
            message = f"{quoted(match.group())} is Markdown formatting; write {quoted(match[1])}"
            yield finding_at(match.span(), message, write=match[1])
    bullets = list(_BULLET.finditer(source))
    if len(bullets) > 1 or (bullets and bullets[0].group()[0] in "*•"):
        for match in bullets:
            yield finding_at(match.span(), "list markers are Markdown formatting; write tags or sentences", write="")
    starts = [sentence.start for sentence in context.sentences]
    for match in _KEY.finditer(source) if ":" in signs else ():
        place = bisect_right(starts, match.end()) - 1
        if place >= 0 and match.end() <= context.sentences[place].end:
            continue  # the header of a position clause
        comma = source.find(",", match.start(), match.start() + _LONGEST)
        unit = source[match.start() : comma if comma >= 0 else match.start() + _LONGEST]
        if not context.environment.is_known(unit.strip()):
            yield finding_at(
                match.span(),
                f"{quoted(match.group())} is a form label, which the model reads as text; remove it",
                write="",
            )


RULE = Rule(
    code="ANI212",
    name="markdown-junk",
    severity=Severity.WARNING,
    reason="Chat models answer in Markdown and forms; Anima reads the asterisks and labels as text.",
    bad=(
        Example("**masterpiece**, 1girl", "masterpiece, 1girl"),
        Example("- 1girl\n- smile", "1girl\nsmile"),
        Example("style: watercolor, 1girl", "watercolor, 1girl"),
    ),
    good=plain(
        "masterpiece, 1girl",
        "1girl, *_*",
        "1girl, back-to-back",
        "Background: a castle.",
        '1girl, a sign reads "**SALE**"',
        "re:zero kara hajimeru isekai seikatsu",
    ),
    fix=Safety.UNSAFE,
    check=check,
    needs="*`-•~:).",
    roles=IMAGE_ROLES,
)
