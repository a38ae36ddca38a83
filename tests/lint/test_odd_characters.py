"""Facts about the linter and characters that look like something else: nothing makes it fail."""

from __future__ import annotations

import pytest

from anima_prompt import Prompt, format_text
from anima_prompt.lint import Config, Document, Linter, all_rules

EXAMPLES = sorted({example.text for rule in all_rules() for example in rule.bad if 0 < len(example.text) < 200})
LINTER = Linter(Config(select=("ALL",)))


@pytest.mark.parametrize(
    "odd", ["\u00b2", "\u0663", "\u216b", "\u01c5", "\u0345", "\u2028", "\x85", "\ud83d"], ids=ascii
)
def test_an_odd_character_anywhere_breaks_nothing(odd: str) -> None:
    for text in EXAMPLES:
        middle = len(text) // 2
        for mutated in (odd + text[1:], text[:middle] + odd + text[middle:]):
            LINTER.check(Document(mutated, mutated))
            LINTER.fix(Document(mutated), unsafe=True)
            prompt = Prompt.parse(mutated)
            assert Prompt.from_dict(prompt.to_dict()) == prompt
            assert format_text(format_text(mutated)) == format_text(mutated)
