"""Facts about quoted text, which is drawn as it stands, and about blanks in weights."""

from __future__ import annotations

import pytest

from anima_prompt import format_text
from anima_prompt.lint import fix, lint


@pytest.mark.parametrize(
    "words",
    [
        "HELLO 😀",
        "，（YOU：1.2）",
        "**SALE**",
        "`code`",
        "A&amp;B",
        "Ｆｕｌｌ",
        "а pаge",
        "wait…",
        "it’s",
        "HELLO_WORLD",
    ],
)
def test_quoted_text_is_left_alone(words: str) -> None:
    for text in (f'1girl, sign "{words}", smile', f'1girl. A sign reads "{words}" on the wall.'):
        start = text.index(words)
        inside = [d for d in lint(text) if start <= d.start and d.end <= start + len(words)]
        assert [d.name for d in inside if d.start < d.end] == []
        assert words in fix(text, unsafe=True).prompt


def test_what_nobody_sees_is_reported_inside_a_quotation_too() -> None:
    found = lint('1girl, sign "zero\u200bwidth \u202e", smile')
    assert [d.name for d in found].count("unicode-invisible") == 2


@pytest.mark.parametrize("text", ["(smile: 1.3 )", "( smile : 1.3 )", "((smile: 1.3 ), hat:1.2 )", "(smile :1.3)"])
def test_a_safe_fix_writes_a_weight_as_fmt_does(text: str) -> None:
    assert fix(text).prompt == format_text(text)
    assert " )" not in fix(text).prompt


def test_a_weight_with_blanks_is_text_to_a1111_and_stays() -> None:
    text = "1girl, (smile: 1.3 ), hat"
    assert fix(text, dialect="a1111").prompt == text
