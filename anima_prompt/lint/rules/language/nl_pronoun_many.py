"""Several people, and pronouns that could mean any of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import SHOWN, Finding, Rule, finding_at, plain
from anima_prompt.sections import Section

_PRONOUN = re.compile(r"\b(?:she|he|her|him|his|hers|they|them|their)\b", re.IGNORECASE)
_DESCRIBED = re.compile(
    r"\b(?:the|a|an)\s+(?:\w+[- ]){1,3}(?:girl|boy|woman|man|one|person|knight|witch|sister|brother|mother|father|child|figure)\b",
    re.IGNORECASE,
)


def check(context: Context) -> Iterator[Finding]:
    """Flag three or more pronouns of different kinds, if fewer than two people are named or described."""
    if context.people_count < 2 or not context.sentences:
        return
    text = " ".join(sentence.text for sentence in context.sentences)
    pronouns = _PRONOUN.findall(text)
    names = sum(item.section is Section.CHARACTER for item in context.items)
    if len(pronouns) >= 3 and len(_DESCRIBED.findall(text)) + names < 2 and len(set(map(str.lower, pronouns))) > 1:
        message = f"{len(pronouns)} pronouns for {context.people_count} people are ambiguous; write 'the taller girl' or 'the blonde girl'"
        yield finding_at(context.sentences[0], message)


RULE = Rule(
    code="ANI703",
    name="nl-pronoun-many",
    severity=Severity.INFO,
    reason="Guides recommend a sentence for each character and names such as 'the taller girl'; with pronouns the model mixes "
    "the characters up.",
    bad=plain("2girls, safe. She hugs her while she looks at their reflection."),
    good=plain(
        "2girls. The taller girl hugs the blonde girl while she looks at their reflection.",
        "1girl. She hugs her cat, and it purrs.",
    ),
    check=check,
    roles=SHOWN,
)
