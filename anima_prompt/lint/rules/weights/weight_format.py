"""``(a:1,2)``, ``a:1.2``: a malformed weight."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context, Item
from anima_prompt.lint.rule import IMAGE_ROLES, Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.syntax import nodes as syntax

_TAIL = re.compile(
    r"\(\s*(?P<body>[^()]*?)\s*(?::\s*(?P<whole>\d+)\s*[,;，．]\s*(?P<part>\d+)|;\s*(?P<semi>\d+(?:\.\d+)?))\s*\)"
)
_NAKED = re.compile(r"(?P<body>.*[^\d\s:]):(?P<number>\d+(?:\.\d+)?)")
_WORD = re.compile(r"(?P<body>[^:]+):(?P<word>[a-z]+)")


def check(context: Context) -> Iterator[Finding]:
    """Flag a weight that is malformed, ``nan`` or ``inf``, in full-width digits, or without parentheses."""
    for diagnostic in context.tree.diagnostics:
        if diagnostic.name == "weight-format":
            match = _TAIL.fullmatch(context.source[diagnostic.start : diagnostic.end])
            number = (match["semi"] or f"{match['whole']}.{match['part']}") if match else ""
            right = f"({match['body']}:{number})" if match else None
            message = f"the weight is not a number, so it is read as text; write {quoted(right or '(tag:1.2)')}"
            yield finding_at(diagnostic, message, write=right)
        elif diagnostic.name == "weight-nonfinite":
            yield finding_at(diagnostic, diagnostic.message)
    for group in context.groups:
        mark = group.node.children[-1]
        if group.node.weight is not None and isinstance(mark, syntax.Mark) and not mark.text.isascii():
            right = f":{group.node.weight})"
            yield finding_at(mark, f"the weight has full-width digits; write {quoted(right)}", write=right)
    for node, _, _ in context.embeddings:
        number = node.text.removeprefix(f"embedding:{node.name}:")
        if number != node.text:
            right = f"(embedding:{node.name}:{number})"
            yield finding_at(node, f"a weight without parentheses is read as text; write {quoted(right)}")
    for item in context.items:
        if ":" in item.text and item.plain and item.entry is None:
            yield from _naked(item, context)


def _naked(item: Item, context: Context) -> Iterator[Finding]:
    match = _NAKED.fullmatch(item.text)
    owner = item.level.owner
    if match and not match["body"].startswith(("-", "::")):
        if isinstance(owner, syntax.Group) and owner.weight is not None:
            yield finding_at(
                item, f"{quoted(item.text)} is in a group that already has a weight; keep one of the two numbers"
            )
        elif not _is_schedule(context, item):
            right = f"({match['body']}:{match['number']})"
            yield finding_at(item, f"a weight without parentheses is read as text; write {quoted(right)}", write=right)
    elif isinstance(owner, syntax.Group) and owner.weight is None and len(item.level.nodes) == 3:
        word = _WORD.fullmatch(item.text)
        if word and context.environment.is_known(word["body"]) and not context.environment.is_known(word["word"]):
            yield finding_at(owner, f"the weight '{word['word']}' is not a number; write ({word['body']}:1.5)")


def _is_schedule(context: Context, item: Item) -> bool:
    """Return whether the number belongs to a schedule in square brackets that contains a comma."""
    source = context.source
    return "[" in context.characters and source.find("[", 0, item.start) >= 0 and source.find("]", item.end) >= 0


RULE = Rule(
    code="ANI107",
    name="weight-format",
    severity=Severity.ERROR,
    reason="Only a number after the last colon, inside parentheses, is a weight; anything else is read as text. 'nan' and "
    "'inf' are numbers for Python and ComfyUI: the image is black or noise. "
    "Measured on ComfyUI 0.29.0.",
    bad=(
        Example("1girl, (hat:1,2), smile", "1girl, (hat:1.2), smile"),
        Example("1girl, (hat;1.2), smile", "1girl, (hat:1.2), smile"),
        Example("1girl, hat:1.2, smile", "1girl, (hat:1.2), smile"),
        *plain("1girl, (hat:1.2:1.3), smile", "1girl, (hat:abc), smile", "1girl, embedding:foo.pt:1.2"),
        *plain("1girl, (hat:nan)", "1girl, (hat:inf)"),
        Example("1girl, (hat:１.2), smile", "1girl, (hat:1.2), smile"),
    ),
    good=plain(
        "1girl, (hat:1.2), smile",
        "1girl, (embedding:foo.pt:1.2)",
        "nier:automata, 2b",
        "aspect ratio 16:9",
        "1girl, banana",
        "re:zero kara hajimeru isekai seikatsu",
    ),
    fix=Safety.SAFE,
    check=check,
    needs=":;",
    roles=IMAGE_ROLES,
    dialects=frozenset((Dialect.COMFYUI, Dialect.INVOKEAI, Dialect.A1111)),
)
