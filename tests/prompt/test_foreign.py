"""Facts about weights of NovelAI and compel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anima_prompt.dialects import ForeignDialect
from anima_prompt.prompt import convert
from anima_prompt.prompt.foreign import read_foreign


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.3::hair::", "(hair:1.3)"),
        ("{{{x}}}, y", "(x:1.157625), y"),
        ("[x], {[y]}, z", "(x:0.952381), y, z"),
        ("1.5::rain, night, {hat}::, cat", "(rain, night:1.5), (hat:1.575), cat"),
        ("-1::bad, worse ::, a", "(bad, worse:-1) , a"),
        ("0.5::a 2::b:: c", "(a:0.5) (b:2) c"),
        ("1.2::no end", "(no end:1.2)"),
        ("fern (sousou no frieren)", r"fern \(sousou no frieren\)"),
        ("{open, ]closed", "{open, ]closed"),
        ("re:zero, 5::, 12:30", "re:zero, , (12:30:5)"),
        ("a::b", "a::b"),
    ],
)
def test_novelai(text: str, expected: str) -> None:
    assert convert(text, "novelai", "comfyui").text == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hair++, hat", "(hair:1.21), hat"),
        ("hair-, hat--", "(hair:0.9), (hat:0.81)"),
        ("(red hat)1.3, (blue)+", "(red hat:1.3), (blue:1.1)"),
        ("(a (b)++)0.5", "(a:0.5) (b:0.605)"),
        (r"fern \(sousou no frieren\)", r"fern \(sousou no frieren\)"),
        ("(plain words)", "plain words"),
        ("red-eyed girl, :-, 2+2", "red-eyed girl, :-, 2+2"),
        ("(open, close)) x", r"open, close\) x"),
    ],
)
def test_compel(text: str, expected: str) -> None:
    assert convert(text, "compel", "comfyui").text == expected


def test_what_has_no_weight_is_reported() -> None:
    assert [d.name for d in convert("||a|b||, x", "novelai", "comfyui").diagnostics] == ["conversion-inexact"]
    assert [d.name for d in convert('("a", "b").blend(1, 2)', "compel", "comfyui").diagnostics] == [
        "conversion-inexact"
    ]
    lost = convert("{{hat}}", "novelai", "plain")
    assert (lost.text, [d.name for d in lost.diagnostics]) == ("hat", ["weight-dropped"])


@given(st.text(alphabet="ab,{}[]()+-:1.2 \\|", max_size=30), st.sampled_from(ForeignDialect))
def test_any_text_is_read(text: str, dialect: ForeignDialect) -> None:
    pieces, _ = read_foreign(text, dialect)
    assert all(piece.text for piece in pieces)
    if not any(mark in text for mark in "{}[]()+-:\\"):
        assert "".join(piece.text for piece in pieces) == text
