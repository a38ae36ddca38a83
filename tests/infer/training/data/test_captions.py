"""Texts that are drawn from a caption."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anima_infer.training.data.captions import _pieces, draw_texts
from anima_infer.training.spec.definition import CaptionOptions

CAPTION = (
    "masterpiece, safe, 1girl, @wlop, smile, blue hair, (red hat, scarf:1.2), holding book. "
    "A girl stands, near a tree. On the left, red hair, glasses."
)


def drawn(text: str, seed: int = 1, **options: Any) -> tuple[str, ...]:
    return draw_texts(text, CaptionOptions(**options), seed=seed)


@given(st.text(alphabet="ab ,.()\n:1|", max_size=40))
def test_pieces_and_gaps_give_the_text_back(text: str) -> None:
    pieces = _pieces(text)
    assert "".join(piece.text + piece.gap for piece in pieces) == (text if pieces else "")


def test_without_options_a_caption_stays_as_it_is() -> None:
    assert drawn(CAPTION) == (CAPTION,)
    assert drawn("smile,  hat ,") == ("smile,  hat ,",)
    assert drawn("") == ("",)


def test_shuffling_moves_general_tags_alone_and_tears_nothing() -> None:
    texts = drawn(CAPTION, variants=20, shuffle="general")
    assert len(texts) == 20
    for text in texts:
        assert text.startswith("masterpiece, safe, 1girl, @wlop, ")
        assert text.endswith(". A girl stands, near a tree. On the left, red hair, glasses.")
        assert "(red hat, scarf:1.2)" in text
        assert text.count(",") == CAPTION.count(",")
    assert drawn(CAPTION, variants=20, shuffle="general") == texts, "the same seed draws the same texts"
    assert drawn(CAPTION, seed=2, variants=20, shuffle="general") != texts


def test_what_is_kept_is_neither_shuffled_nor_dropped() -> None:
    for text in drawn("trig, 1girl, a1, b1, c1, d1", variants=10, shuffle="tags", keep=2):
        assert text.startswith("trig, 1girl, ")
    for text in drawn("trig, x1 ||| a1, b1, c1", variants=10, shuffle="tags", tag_dropout=0.5):
        assert text.startswith("trig, x1")
        assert "|||" not in text
    assert drawn("trig, 1girl ||| smile, hat") == ("trig, 1girl, smile, hat",), "the separator always goes"
    assert drawn("||| smile") == ("smile",)


def test_dropping_leaves_no_empty_place() -> None:
    for text in drawn(CAPTION, variants=15, tag_dropout=0.7):
        assert ", ," not in text
        assert ",." not in text
        assert ". A girl stands, near a tree. On the left" in text
    gone = drawn("smile, hat", tag_dropout=1.0)
    assert gone == ("",)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [("all", {"smile\nA girl smiles."}), ("first", {"smile"}), ("random", {"smile", "A girl smiles."})],
)
def test_lines(lines: str, expected: set[str]) -> None:
    variants = 2 if lines == "random" else 1
    assert set(drawn("smile\n\nA girl smiles.\n", lines=lines, variants=variants)) == expected


def test_a_prefix_stands_in_front_of_every_text() -> None:
    assert drawn("smile", prefix="trig, ") == ("trig, smile",)
