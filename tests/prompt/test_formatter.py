"""Facts about canonical typography."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anima_prompt import format_text, weighted_segments
from tests.strategies import any_texts

DIALECTS = st.sampled_from(("comfyui", "a1111", "plain"))


@given(text=any_texts, dialect=DIALECTS)
def test_formatting_twice_changes_nothing_more(text: str, dialect: str) -> None:
    once = format_text(text, dialect=dialect)
    assert format_text(once, dialect=dialect) == once


@given(text=any_texts, dialect=DIALECTS)
def test_formatting_changes_white_space_commas_and_underscores_alone(text: str, dialect: str) -> None:
    def bare(words: str) -> list[tuple[str, float]]:
        segments = weighted_segments(words, dialect)
        return [(c, w) for piece, w in segments for c in re.sub(r"[\s_,，、]+", "", piece)]

    assert bare(format_text(text, dialect=dialect)) == bare(text) or text.count("nan")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b ,c", "a, b, c"),
        ("a, , b,", "a, b"),
        ("long_hair,  ( smile : 1.3 )", "long hair, (smile:1.3)"),
        ("a，b、c", "a, b, c"),
        ("safe.  A girl stands in the rain.", "safe. A girl stands in the rain."),
        ("a,\n\n\n\nb\nc", "a,\n\nb\nc"),
        ("ye-pop\nA tree stands on a hill.", "ye-pop\nA tree stands on a hill."),
        ("# my  note_x\nlong_hair", "# my  note_x\nlong hair"),
        ("@shinkawa_youji, @my_lora_x", "@shinkawa youji, @my_lora_x"),
        ("score_7, ^_^, @_@, o_o, |_|, <|>_<|>", "score_7, ^_^, @_@, o_o, |_|, <|>_<|>"),
        ("<lora:my_lora:0.8> ,__my_card__, {a_b|c}", "<lora:my_lora:0.8>, __my_card__, {a_b|c}"),
        ("(long_hair, red_hat:1.20)", "(long hair, red hat:1.20)"),
        ('1girl ,a sign that reads "HELLO_YOU  ALL"', '1girl, a sign that reads "HELLO_YOU  ALL"'),
        ("Hair_Ribbon", "Hair Ribbon"),
        ("6+girls.", "6+girls."),
        ("A girl is standing here ,night", "A girl is standing here, night"),
        ("(a:1,2)", "(a:1,2)"),
        ("", ""),
    ],
)
def test_known_forms(text: str, expected: str) -> None:
    assert format_text(text) == expected


def test_a_text_in_which_white_space_counts_is_left_alone() -> None:
    text = "(\\(d, (smile:1.2)\n"
    assert format_text(text) == text
