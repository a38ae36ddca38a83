"""Text that the model's text encoder cannot read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Finding, Rule, finding_at, plain

_FOREIGN = r"[\u0370-\u1fff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0002ffff]"
_LETTER = re.compile(r"[^\W\d_]")
_SHARE = 0.2


def check(context: Context) -> Iterator[Finding]:
    """Flag more than 20 % or 8 letters of non-Latin scripts outside quotations, comments and wildcards."""
    source = context.source
    if source.isascii():
        return
    spans = [(node.start, node.end) for node in context.quotes]
    spans += [(node.start, node.end) for node in context.comments]
    spans += [(node.start, node.end) for node in context.dynamics]
    source = _blanked(source, spans)
    foreign = list(re.finditer(_FOREIGN, source))
    if not foreign:
        return
    letters = len(_LETTER.findall(source))
    share = len(foreign) / max(letters, 1)
    if share > _SHARE or len(foreign) >= 8:
        message = f"{share:.0%} of the letters are in a script that the text encoder does not support; write English"
        yield finding_at((foreign[0].start(), foreign[-1].end()), message)


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    """Return a text with spaces in place of spans, which may nest."""
    pieces, place = [], 0
    for start, end in sorted(spans):
        if end > place:
            pieces += [text[place:start], " " * (end - max(start, place))]
            place = end
    return "".join((*pieces, text[place:]))


RULE = Rule(
    code="ANI210",
    name="non-english",
    severity=Severity.WARNING,
    reason="The adapter's T5 vocabulary has no Chinese, Japanese, Korean or Cyrillic: such characters become unknown "
    "tokens. The model's authors state that only English is supported.",
    bad=plain("safe, 一个女孩站在樱花树下，微笑着看向观众", "девушка в красном платье"),
    good=plain("1girl, kimono, tokyo", '1girl, sign, "東京"', "café, naïve, 1girl"),
    check=check,
)
