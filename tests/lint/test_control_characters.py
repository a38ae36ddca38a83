"""Facts about control characters in prompts: they are reported, and a safe fix removes them."""

from __future__ import annotations

import pytest

from anima_prompt.lint import fix, lint

CONTROLS = [*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, 0x2028, 0x2029]
CONTROLS += [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2061, 0x180E]


@pytest.mark.parametrize("code", CONTROLS, ids="{:04x}".format)
def test_every_control_character_is_reported_and_removed(code: int) -> None:
    text = f"1girl, red{chr(code)} hair, smile"
    found = [d for d in lint(text) if d.name == "unicode-invisible"]
    assert [(d.start, d.end, d.severity) for d in found] == [(10, 11, "warning")]
    assert chr(code) not in found[0].message
    assert fix(text).prompt == "1girl, red hair, smile"


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("\x1b[31mred hair\x1b[0m, hat", "red hair, hat"),
        ("\x1b[1;32mred hair\x1b[m, hat", "red hair, hat"),
        ("\x9b5mred hair, \x1b[2Khat", "red hair, hat"),
        ("\x1b[smile:0.5], hat", "[smile:0.5], hat"),
        ("red hair\rhat", "red hair\nhat"),
        ("long\x0bhair, hat", "long hair, hat"),
    ],
)
def test_a_control_sequence_is_removed_as_a_whole_and_no_word_with_it(text: str, fixed: str) -> None:
    assert fix(text).prompt == fixed


def test_a_line_end_of_windows_is_none() -> None:
    assert [d for d in lint("1girl,\r\nsmile") if d.name == "unicode-invisible"] == []


def test_inside_a_sentence_it_is_reported_and_stays() -> None:
    text = 'A girl smiles\x1b[31m at the crowd. She holds a sign that reads "A\x07B".'
    assert [d.start for d in lint(text) if d.name == "unicode-invisible"] == [13, 63]
    assert "\x1b" in fix(text).prompt
