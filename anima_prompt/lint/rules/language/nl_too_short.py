"""A prompt of one short sentence."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Finding, Rule, finding_at, plain

_WORDS = 8


def check(context: Context) -> Iterator[Finding]:
    """Flag a prompt that is a single sentence of fewer than eight words."""
    if len(context.sentences) == 1 and not context.items and not context.datasets:
        sentence = context.sentences[0]
        if len(sentence.text.split()) < _WORDS:
            yield finding_at(
                sentence, "one short sentence describes little of the image; write two or more, or add tags"
            )


RULE = Rule(
    code="ANI701",
    name="nl-too-short",
    severity=Severity.INFO,
    reason="The model card recommends at least two descriptive sentences; very short prompts give unpredictable images.",
    bad=plain("A cute girl smiles."),
    good=plain("A cute girl smiles. She holds a red umbrella.", "1girl, umbrella. She smiles at the rain."),
    check=check,
    roles=POSITIVE,
)
