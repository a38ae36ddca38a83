"""Full-width letters and digits, ligatures, letters with a separate accent."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted

_COMPATIBLE = re.compile(
    r"[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\ufb00-\ufb06\U0001d400-\U0001d7ff"
    r"ℂℊℋℌℍℎℐℑℒℓℕℙℚℛℜℝℤℨℬℭℯℰℱℳℴ]+"  # mathematical letters outside the block above
)
_COMBINING = re.compile(r"\w[\u0300-\u036f]+")


def check(context: Context) -> Iterator[Finding]:
    """Flag full-width and mathematical letters, ligatures, and accents that are separate characters."""
    import unicodedata

    if context.source.isascii():
        return
    for match in _COMPATIBLE.finditer(context.source):
        right = unicodedata.normalize("NFKC", match.group())
        if right != match.group() and not context.is_quoted(match.start()):
            yield finding_at(
                match.span(), f"{quoted(match.group())} is a compatibility form; write {quoted(right)}", write=right
            )
    for match in _COMBINING.finditer(context.source):
        right = unicodedata.normalize("NFC", match.group())
        if right != match.group() and not context.is_quoted(match.start()):
            yield finding_at(
                match.span(), f"the accent is a separate character; write {quoted(right)} as one character", write=right
            )


RULE = Rule(
    code="ANI216",
    name="unicode-compatibility",
    severity=Severity.WARNING,
    reason="Full-width letters, mathematical letters and separate accents look the same but are other or unknown tokens.",
    bad=(
        Example("１girl, hat", "1girl, hat"),
        Example("𝓈𝓂𝒾𝓁𝑒, 1girl", "smile, 1girl"),
        Example("𝒽ℴ𝓊𝓇ℊ𝓁𝒶𝓈𝓈, 1girl", "hourglass, 1girl"),
        Example("poke\u0301mon", "pok\u00e9mon"),
    ),
    good=plain("1girl, hat", "pokémon"),
    fix=Safety.SAFE,
    check=check,
)
