"""Facts about figures as people write them."""

from __future__ import annotations

import pytest

from anima_prompt.numbers import parse_number, parse_size


@pytest.mark.parametrize("text", ["832x1216", " 832X1216\n", "832 × 1216", "0832x1216"])
def test_sizes(text: str) -> None:
    assert parse_size(text) == (832, 1216)


@pytest.mark.parametrize("text", ["", "832", "832x", "x1216", "832x1216x1", "-8x8", "8.5x8", "٨x٨", "9" * 5000 + "x8"])
def test_what_is_no_size(text: str) -> None:
    assert parse_size(text) is None


@pytest.mark.parametrize(("text", "number"), [("0.8", 0.8), (" -1 ", -1.0), ("1e3", 1000.0)])
def test_numbers(text: str, number: float) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["", "much", "nan", "inf", "-inf", "1e999", "0,8"])
def test_what_is_no_number(text: str) -> None:
    assert parse_number(text) is None
