"""Text that the prompt asks for and the negative prompt excludes."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Example, Finding, Rule, Safety, finding_at, quoted

_TEXT = frozenset(
    ("text", "english_text", "japanese_text", "speech_bubble", "letters", "words", "writing", "typography")
)


def check(context: Context) -> Iterator[Finding]:
    """Flag a tag for text in the negative prompt, if the prompt contains a quotation."""
    if context.counterpart is None or not context.quotes:
        return
    for item in context.counterpart.items:
        if item.name in _TEXT:
            message = (
                f"the prompt asks for text in quotation marks; remove {quoted(item.text)} from the negative prompt"
            )
            removal = context.counterpart.removal(item)
            edit = Edit(removal.start, removal.end, removal.text, "negative") if removal else None
            finding = finding_at(item, message, edits=[edit])
            yield Finding(finding.start, finding.end, finding.message, finding.edits, part="negative")


RULE = Rule(
    code="ANI707",
    name="text-vs-negative",
    severity=Severity.WARNING,
    reason="The negative prompt removes what the prompt asks for.",
    bad=(Example('1girl, sign, "HELLO"', negative="blurry, text", fixed_negative="blurry"),),
    good=(Example('1girl, sign, "HELLO"', negative="blurry"), Example("1girl, sign", negative="text")),
    fix=Safety.UNSAFE,
    check=check,
    needs='"“「',
    roles=SHOWN,
)
