"""A known character's name in lower case in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import WANTED, Finding, Rule, finding_at, plain, quoted
from anima_prompt.sections import Section

_RUN = re.compile(r"[a-z][a-z'-]+(?: [a-z][a-z'-]+){1,2}")


def check(context: Context) -> Iterator[Finding]:
    """Flag lower-case characters of two or three words in sentences; a position clause may list tags."""
    for sentence in context.sentences:
        if _HEADER.match(sentence.text):
            continue
        tokens = list(_WORD.finditer(sentence.text))
        for first, last in ((i, i + n) for n in (3, 2) for i in range(len(tokens) - n + 1)):
            start, end = tokens[first].start(), tokens[last - 1].end()
            text = sentence.text[start:end]
            if text != text.lower() or not _RUN.fullmatch(text):
                continue
            entry = context.environment.vocabulary.lookup(text.replace(" ", "_"))
            if entry is not None and entry.section is Section.CHARACTER:
                place = sentence.start + start
                yield finding_at(
                    (place, place + len(text)), f"names are capitalized in sentences; write {quoted(text.title())}"
                )


_HEADER = re.compile(r"[^.!?,]{1,60}:\s")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")

RULE = Rule(
    code="ANI704",
    name="nl-lowercase-name",
    severity=Severity.INFO,
    reason="Sentences in the training captions are ordinary English: 'Hatsune Miku' in sentences, 'hatsune miku' in tags. "
    "Source: model card.",
    bad=plain("safe. In a park hatsune miku is skating on the frozen lake."),
    good=plain(
        "safe. In a park Hatsune Miku is skating on the frozen lake.", "1girl, hatsune miku", "Left: hatsune miku."
    ),
    check=check,
    roles=WANTED,
)
