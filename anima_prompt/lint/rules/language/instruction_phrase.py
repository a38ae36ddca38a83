"""``Create an image of``, ``please``, ``--ar 3:4``: instructions instead of a description."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Example, Finding, Rule, Safety, found, plain, quoted
from anima_prompt.syntax import nodes as syntax

_PHRASE = re.compile(
    r"^(?:please[, ]+)?(?:can you |could you |i want (?:you to )?)?(?:create|generate|make|draw|render|produce|design|give|show|paint|imagine)"
    r"(?: me| us)?(?: an?| the| some)? (?:[\w-]+ ){0,3}?(?:image|picture|illustration|photo|drawing|artwork|painting|scene|portrait|anime)\b"
    r"(?: of| showing| depicting| with| where| that shows)?|\bplease\b",
    re.IGNORECASE,
)
_HINTS = (
    "please",
    "image",
    "picture",
    "illustration",
    "photo",
    "drawing",
    "artwork",
    "painting",
    "scene",
    "portrait",
    "anime",
)
_FLAG = re.compile(
    r"(?:^|(?<=[\s,]))--(?:ar|v|no|niji|q|s|style|stylize|chaos|seed|w|h|hd|tile|iw|uplight|test|c|cref|sref)\b(?:[ =]+[^\s,-][^\s,]*)?"
)


def check(context: Context) -> Iterator[Finding]:
    """Flag an instruction in a sentence or unknown tag, and a Midjourney flag anywhere."""
    units = context.units if any(hint in context.lowered for hint in _HINTS) else []
    for node in units:
        match = _PHRASE.search(node.text)
        if match and (isinstance(node, syntax.SentenceNode) or node.entry is None):
            start = node.start + match.start()
            yield found(
                (start, node.start + match.end()), f"{quoted(match.group())} speaks to nobody; say what is there"
            )
    if "--" in context.source:
        for match in _FLAG.finditer(context.source):
            yield found(
                match.span(), f"{quoted(match.group())} is Midjourney's; remove it", edits=[_removal(context, match)]
            )


def _removal(context: Context, match: re.Match[str]) -> Edit:
    start, end = match.span()
    source = context.source
    while start and source[start - 1] == " ":
        start -= 1
    before, behind = start, end
    while before and source[before - 1].isspace():
        before -= 1
    while behind < len(source) and source[behind].isspace():
        behind += 1
    alone = before == 0 or source[before - 1] == ","
    if alone and source[behind : behind + 1] == ",":
        end = behind + 1
    elif alone and behind == len(source):
        while before and source[before - 1] == ",":
            before -= 1
        start = before
    return Edit(start, end, "")


RULE = Rule(
    code="ANI705",
    name="instruction-phrase",
    severity=Severity.WARNING,
    reason="The model reads a description, not a request: 'create an image of' is drawn or lost, and flags of other "
    "services are text.",
    bad=(
        *plain(
            "Create an image of a geisha in a garden. The garden is full of moss.",
            "please draw a girl with a hat, smile",
        ),
        Example("1girl, smile --ar 3:4 --v 6", "1girl, smile"),
    ),
    good=plain(
        "A geisha stands in a garden. The garden is full of moss.", "1girl, drawing a picture", "1girl, imagine dragons"
    ),
    fix=Safety.SAFE,
    check=check,
    roles=SHOWN,
)
