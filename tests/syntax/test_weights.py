"""Facts about weighted segments, checked against the rules written out naively and against measured pairs."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given

from anima_prompt.syntax import weighted_segments
from tests.strategies import any_texts, paren_texts

Segments = Sequence[tuple[str, float]]

COMFYUI_TABLE: list[tuple[str, Segments]] = [
    # Source: behaviour of ComfyUI's parser, measured.
    ("(a)", [("a", 1.1)]),
    ("((a))", [("a", 1.21)]),
    ("(a:1.5)", [("a", 1.5)]),
    ("(a: 1.5)", [("a", 1.5)]),
    ("(a:1.5 )", [("a", 1.5)]),
    ("((a:1.5))", [("a", 1.5)]),
    ("((a:1.5) b)", [("a", 1.5), (" b", 1.1)]),
    ("((a:1.5) b:0.5)", [("a", 1.5), (" b", 0.5)]),
    ("(a, b:1.2)", [("a, b", 1.2)]),
    (r"(x \(medium\):1.3)", [("x (medium)", 1.3)]),
    (r"len \(tsukihime\)", [("len (tsukihime)", 1.0)]),
    ("len (tsukihime)", [("len ", 1.0), ("tsukihime", 1.1)]),
    ("(re:zero)", [("re:zero", 1.1)]),
    ("(a:1.2:1.3)", [("a:1.2", 1.3)]),
    ("(a:1,2)", [("a:1,2", 1.1)]),
    ("(a:abc)", [("a:abc", 1.1)]),
    ("(a:1.2", [("(a:1.2", 1.0)]),
    ("a)", [("a)", 1.0)]),
    ("a:1.2", [("a:1.2", 1.0)]),
    ("(@a:0.5):", [("@a", 0.5), (":", 1.0)]),
    ("[a]", [("[a]", 1.0)]),
    ("{a|b}", [("{a|b}", 1.0)]),
    ("a BREAK b", [("a BREAK b", 1.0)]),
    ("<lora:x:1>", [("<lora:x:1>", 1.0)]),
    ("(a:-1)", [("a", -1.0)]),
    ("(a:0)", [("a", 0.0)]),
    ("()", []),
    ("", []),
    (")(", [(")(", 1.0)]),
    ("((a)", [("(a", 1.1)]),
    ("(a (b:2.0) c:0.5)", [("a ", 0.5), ("b", 2.0), (" c", 0.5)]),
    ("(a:)", [("a:", 1.1)]),
    ("(a:1e1)", [("a", 10.0)]),
    ("(a:1_0)", [("a", 10.0)]),
    (r"\\(a\)", [("\\(a)", 1.0)]),
]
A1111_TABLE: list[tuple[str, Segments]] = [
    # Source: behaviour of A1111's algorithm, measured.
    ("((a:1.2), b)", [("a", 1.32), (", b", 1.1)]),
    ("[[a]]", [("a", 1 / 1.21)]),
    ("(a [b])", [("a ", 1.1), ("b", 1.0)]),
    ("(a", [("a", 1.1)]),
    ("(a))", [("a", 1.1), (")", 1.0)]),
    ("a\\b", [("ab", 1.0)]),
    ("()", [("", 1.0)]),
    ("(a:1.2)(b:1.2)", [("ab", 1.2)]),
    ("(a:1e1)", [("a:1e1", 1.1)]),
    ("1girl, (solo:1.0), ", [("1girl, solo, ", 1.0)]),
    ("a BREAK b", [("a", 1.0), ("BREAK", -1.0), ("b", 1.0)]),
]


def assert_same(got: Segments, expected: Segments) -> None:
    assert [text for text, _ in got] == [text for text, _ in expected]
    for (_, one), (_, other) in zip(got, expected, strict=True):
        assert one == other or math.isclose(one, other, rel_tol=1e-9) or (math.isnan(one) and math.isnan(other))


@pytest.mark.parametrize(("text", "expected"), COMFYUI_TABLE)
def test_comfyui_reads_the_measured_table(text: str, expected: Segments) -> None:
    assert_same(weighted_segments(text), expected)


@pytest.mark.parametrize(("text", "expected"), A1111_TABLE)
def test_a1111_reads_the_measured_table(text: str, expected: Segments) -> None:
    assert_same(weighted_segments(text, "a1111"), expected)


def test_plain_reads_every_character_as_itself() -> None:
    assert weighted_segments(r"((a:1.5)) \(b\)", "plain") == [(r"((a:1.5)) \(b\)", 1.0)]
    assert weighted_segments("", "plain") == []


def test_invokeai_reads_groups_and_escapes() -> None:
    assert weighted_segments(r"(a:1.5), \(b\)", "invokeai") == [("a", 1.5), (", (b)", 1.0)]


def naive_comfyui(text: str, weight: float = 1.0) -> Segments:
    """The documented rules, written out as they are stated: split, strip, recurse."""
    text = text.replace("\\)", "\x01").replace("\\(", "\x02")

    def split(part: str) -> list[str]:
        pieces, run, depth = [], "", 0
        for char in part:
            if char == "(":
                if depth == 0:
                    pieces += [run] if run else []
                    run = ""
                run += char
                depth += 1
            elif char == ")":
                depth -= 1
                run += char
                if depth == 0:
                    pieces.append(run)
                    run = ""
            else:
                run += char
        return [*pieces, run] if run else pieces

    def recurse(part: str, current: float) -> Segments:
        found: list[tuple[str, float]] = []
        for piece in split(part):
            if len(piece) < 2 or piece[0] != "(" or piece[-1] != ")":
                found.append((piece, current))
                continue
            inner, own = piece[1:-1], current * 1.1
            colon = inner.rfind(":")
            if colon > 0:
                try:
                    own = float(inner[colon + 1 :])
                    inner = inner[:colon]
                except ValueError:
                    pass
            found += recurse(inner, own)
        return found

    return [(t.replace("\x01", ")").replace("\x02", "("), w) for t, w in recurse(text, weight)]


def naive_a1111(text: str) -> Segments:
    """The documented rules: every bracket multiplies all that it encloses, one piece at a time."""
    pieces: list[list] = []  # type: ignore[type-arg]
    rounds: list[int] = []
    squares: list[int] = []
    token = re.compile(r"\\([()\[\]\\])|(\\)|(:[+-]?[.\d]+\))|([()\[\]])|([^\\()\[\]:]+|:)")

    def multiply(start: int, factor: float) -> None:
        for piece in pieces[start:]:
            piece[1] *= factor

    for escaped, backslash, number, bracket, plain in token.findall(text):
        weight = None
        if number and rounds:
            try:
                weight = float(number[1:-1])
            except ValueError:
                weight = None
        if escaped:
            pieces.append([escaped, 1.0])
        elif backslash:
            continue
        elif weight is not None:
            multiply(rounds.pop(), weight)
        elif bracket in ("(", "["):
            (rounds if bracket == "(" else squares).append(len(pieces))
        elif bracket == ")" and rounds:
            multiply(rounds.pop(), 1.1)
        elif bracket == "]" and squares:
            multiply(squares.pop(), 1 / 1.1)
        else:
            pieces.append([number or bracket or plain, 1.0])
    for start in rounds:
        multiply(start, 1.1)
    for start in squares:
        multiply(start, 1 / 1.1)
    return [(t, w) for t, w in pieces] or [("", 1.0)]


def spread(segments: Segments) -> list[tuple[str, float]]:
    """One entry per character, so that only text and weights count and not where segments are cut."""
    return [(char, round(weight, 9)) for text, weight in segments for char in text]


@given(text=paren_texts)
def test_comfyui_agrees_with_the_rules_written_out(text: str) -> None:
    assert_same(weighted_segments(text), naive_comfyui(text))


@given(text=paren_texts)
def test_a1111_agrees_with_the_rules_written_out(text: str) -> None:
    assert spread(weighted_segments(text, "a1111")) == spread(naive_a1111(text))


@given(text=any_texts)
def test_no_text_is_ever_lost_but_markup(text: str) -> None:
    kept = "".join(segment.text for segment in weighted_segments(text))
    assert re.sub(r"[()\\:\s]|[\d.e_+-]|nan|inf", "", kept) == re.sub(r"[()\\:\s]|[\d.e_+-]|nan|inf", "", text)


@pytest.mark.parametrize("dialect", ["comfyui", "a1111"])
@pytest.mark.parametrize("text", ["(" * 100_000, "(a" * 50_000, "(a:1.2, " * 30_000 + ")" * 30_000, ")(" * 50_000])
def test_deep_nesting_is_linear_and_needs_no_recursion(text: str, dialect: str) -> None:
    start = time.process_time()
    weighted_segments(text, dialect)
    assert time.process_time() - start < 5


def test_the_measured_pairs_of_both_front_ends_are_reproduced(shared: Path) -> None:
    cases = json.loads((shared / "data/weights_comfyui_a1111.json").read_text())["cases"]
    assert len(cases) == 37
    for case in cases:
        for dialect in ("comfyui", "a1111"):
            assert_same(weighted_segments(case["input"], dialect), [tuple(pair) for pair in case[dialect]])


def test_the_segments_of_the_tokenizer_goldens_are_reproduced(shared: Path) -> None:
    entries = json.loads((shared / "golden/tokens.json").read_text())["entries"]
    for entry in entries:
        expected = [(text, float(weight)) for text, weight in entry["weights"]]
        assert_same(weighted_segments(entry["prompt"]), expected)
