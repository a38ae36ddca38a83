"""Cyrillic or Greek letters inside Latin words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted

_LOOKALIKE = str.maketrans("аеорсухіѕјһԁԛԝАВЕКМНОРСТХΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "aeopcyxisjhdqwABEKMHOPCTXABEZHIKMNOPTYXo")
_WORD = re.compile(r"\w+")
_LATIN = re.compile("[A-Za-z]")
_GREEK_OR_CYRILLIC = re.compile("[\u0370-\u03ff\u0400-\u04ff\u0500-\u052f]")


def check(context: Context) -> Iterator[Finding]:
    """Flag a word of Latin letters and Cyrillic or Greek lookalikes."""
    if context.source.isascii() or not _GREEK_OR_CYRILLIC.search(context.source):
        return
    for match in _WORD.finditer(context.source):
        if not (_GREEK_OR_CYRILLIC.search(match.group()) and _LATIN.search(match.group())):
            continue
        right = match.group().translate(_LOOKALIKE)
        if context.is_quoted(match.start()):
            continue
        if right.isascii() and right != match.group():  # otherwise a letter has no lookalike
            yield finding_at(
                match.span(),
                f"the word contains Cyrillic or Greek letters that look Latin; write {quoted(right)}",
                write=right,
            )


RULE = Rule(
    code="ANI217",
    name="unicode-confusable",
    severity=Severity.WARNING,
    reason="A Cyrillic 'а' looks like a Latin 'a' and is an unknown token for the adapter.",
    bad=(Example("1girl, hаt", "1girl, hat"),),
    good=plain("1girl, hat", "café"),
    fix=Safety.SAFE,
    check=check,
)
