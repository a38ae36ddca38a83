"""More text to draw than the model can spell."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Finding, Rule, finding_at, plain

_WORDS, _CHARACTERS = 4, 24


def check(context: Context) -> Iterator[Finding]:
    """Flag a quotation of more than 4 words or 24 characters."""
    for quote in context.quotes:
        text = quote.text.strip('"“”「」『』 ')
        if len(text.split()) > _WORDS or len(text) > _CHARACTERS:
            yield finding_at(quote, "the model can only spell a word or a short phrase; shorten the quoted text")


RULE = Rule(
    code="ANI706",
    name="text-too-long",
    severity=Severity.WARNING,
    reason="The model draws one word or a short phrase well; longer text becomes illegible. Source: model card.",
    bad=plain('1girl, a banner says "WELCOME TO OUR LITTLE SHOP ON THE CORNER"'),
    good=plain('1girl, a sign says "WELCOME"', "1girl, a long banner with many words on it"),
    check=check,
    needs='"“「',
    roles=SHOWN,
)
