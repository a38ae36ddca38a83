"""What ``data/tags/deprecated.csv`` may advise: the same thing under another name, or all kinds of it."""

from __future__ import annotations

import re

import pytest

from anima_prompt.lint import words
from anima_prompt.vocabulary.live_names import is_live

SYNONYMS = {
    ">o<": ">_<",
    "^o^": "^_^",
    "bookbag": "school_bag",
    "brush": "paintbrush",
    "cross-laced_footwear": "lace-up_boots",
    "diadem": "tiara|circlet",
    "fume": "smoke|steam|puff_of_air",
    "ink_(medium)": "traditional_media",
    "interior": "indoors",
    "jet": "airplane",
    "looking_away": "averting_eyes",
    "luggage": "suitcase",
    "pose": "posing",
    "pouty_lips": "pout",
    "starry_background": "star_(symbol)",
    "stone": "rock",
    "tied_hair": "ponytail|twintails",
    "toeless_footwear": "open-toe_boots|open-toe_shoes",
}
"""Advice that shares no word with the name; each was reviewed."""

SHORTER = {"overwatch_1", "sitting_on_bench", "sitting_on_rock"}
"""Names that lost a word without losing their meaning; each was reviewed."""


def parts(name: str) -> set[str]:
    return set(re.split(r"[_()-]+", name)) - {""}


def test_advice_shares_a_word_with_the_name_or_was_reviewed() -> None:
    odd = {}
    for name, write in words.deprecated().items():
        foreign = [choice for choice in write if not parts(name) & parts(choice)]
        if foreign:
            odd[name] = "|".join(foreign)
    assert odd == SYNONYMS


def test_advice_is_live_and_the_name_is_not() -> None:
    for name, write in words.deprecated().items():
        assert not is_live(name), name
        assert write, name
        for choice in write:
            assert is_live(choice), (name, choice)


def test_advice_does_not_only_leave_a_word_out_except_a_shade() -> None:
    for name, write in words.deprecated().items():
        for choice in write:
            if parts(choice) < parts(name):
                others = [other for other in write if other != choice]
                assert others or re.match(r"(light|dark|platinum)_", name) or name in SHORTER, (name, choice)


@pytest.mark.parametrize(
    "name",
    ["habit", "lights", "light", "pilot_suit", "saki", "visor", "psychic", "clothes", "shiny_hair", "beige_shirt", "kanji",
     "hands", "room", "wall", "three_quarter_view", "medium_bangs", "red_curtains", "hand_gesture", "singer"],
)  # fmt: skip
def test_plain_english_without_a_name_of_the_same_meaning_is_left_alone(name: str) -> None:
    assert name not in words.deprecated()
