"""Facts about converting between front ends."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anima_prompt import convert, weighted_segments
from tests.strategies import any_texts

WEIGHTED = ("comfyui", "a1111", "invokeai")


def letters(text: str, dialect: str) -> list[tuple[str, float]]:
    return [(char, weight) for piece, weight in weighted_segments(text, dialect) for char in piece]


def same(one: list[tuple[str, float]], other: list[tuple[str, float]]) -> bool:
    return len(one) == len(other) and all(
        a == b and (v == w or math.isclose(v, w, rel_tol=1e-4, abs_tol=1e-5) or (math.isnan(v) and math.isnan(w)))
        for (a, v), (b, w) in zip(one, other, strict=True)
    )


@given(text=any_texts, source=st.sampled_from(WEIGHTED), target=st.sampled_from(WEIGHTED))
def test_a_conversion_means_the_same_or_says_what_is_lost(text: str, source: str, target: str) -> None:
    result = convert(text, source, target)
    if not result.diagnostics:
        assert same(letters(text, source), letters(result.text, target))


@given(text=any_texts, source=st.sampled_from(WEIGHTED), target=st.sampled_from(WEIGHTED))
def test_there_and_back_means_the_same(text: str, source: str, target: str) -> None:
    there = convert(text, source, target)
    back = convert(there.text, target, source)
    if not there.diagnostics and not back.diagnostics:
        assert same(letters(text, source), letters(back.text, source))


@given(text=any_texts, target=st.sampled_from(WEIGHTED))
def test_plain_text_survives_every_front_end(text: str, target: str) -> None:
    there = convert(text, "plain", target)
    back = convert(there.text, target, "plain")
    if not there.diagnostics and not back.diagnostics:
        assert back.text == text


@pytest.mark.parametrize(
    ("source", "target", "text", "expected", "names"),
    [
        ("a1111", "comfyui", "((a:1.2), b)", "(a:1.32)(, b:1.1)", []),
        ("comfyui", "a1111", "((a:1.2), b)", "(a:1.2)(, b:1.1)", []),
        ("comfyui", "a1111", "(a), (b:1.2)", "(a), (b:1.2)", []),
        ("a1111", "comfyui", "[hat]", "(hat:0.909091)", []),
        ("comfyui", "a1111", "[hat]", "\\[hat\\]", []),
        ("comfyui", "a1111", "\\m/", "\\\\m/", []),
        ("comfyui", "plain", "fern \\(x\\), (a:1.2)", "fern (x), a", ["weight-dropped"]),
        ("plain", "comfyui", "fern (x)", "fern \\(x\\)", []),
        ("a1111", "comfyui", "a, [b:c:0.5]", "a, [b:c:0.5]", ["schedule-unsupported"]),
        ("a1111", "comfyui", "a, [b|c]", "a, [b|c]", ["schedule-unsupported"]),
        ("a1111", "comfyui", "a, <lora:x:1>, b", "a, b", ["lora-literal"]),
        ("a1111", "comfyui", "a, <lora:x:1>", "a", ["lora-literal"]),
        ("a1111", "comfyui", "<lora:x:1>, <lora:y:1>", "", ["lora-literal", "lora-literal"]),
        ("a1111", "comfyui", "<lora:x:1>, a", "a", ["lora-literal"]),
        ("comfyui", "a1111", "<lora:x:1>", "<lora:x:1>", ["lora-literal"]),
        ("comfyui", "a1111", "embedding:foo", "foo", ["embedding-renamed"]),
        ("comfyui", "plain", "embedding:foo", "embedding:foo", ["embedding-unsupported"]),
        ("a1111", "comfyui", "a BREAK b", "a BREAK b", ["break-useless"]),
        ("a1111", "plain", "[a]", "a", ["weight-dropped"]),
        ("comfyui", "comfyui", "((a:1.2) b", "((a:1.2) b", []),
    ],
)
def test_known_differences(source: str, target: str, text: str, expected: str, names: list[str]) -> None:
    result = convert(text, source, target)
    assert result.text == expected
    assert [d.name for d in result.diagnostics] == names


def test_an_unbalanced_parenthesis_is_reported() -> None:
    assert [d.name for d in convert("(a:1.2, b", "comfyui", "a1111").diagnostics] == ["paren-unbalanced"]
