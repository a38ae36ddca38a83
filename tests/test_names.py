"""Facts about names and texts."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anima_prompt import Dialect, DialectError, Section, Vocabulary, name_to_text, text_to_name
from anima_prompt.names import escape, is_artist, keeps_underscores, unescape

STRANGE = (
    "\\m/", ";)", ">:(", "@_@", "^_^", ":d", "nier:automata", "tharja_(\"normal_girl\")_(fire_emblem)", "\\(^o^)/",
    "artoria_pendragon_(swimsuit_ruler)_(fate)", "100%_orange_juice", "00_qan[t]", "<|>_<|>", "sui._(ayase)", "lu\"",
    "|_|", "no+bi=", "na'vi", "mr._game_&_watch", "k-on!", ".hack//g.u.", "#compass", "late[st]", "初音",
)  # fmt: skip


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("dialect", list(Dialect))
def test_a_strange_name_survives_the_way_to_text_and_back(name: str, dialect: Dialect) -> None:
    assert text_to_name(name_to_text(name, dialect), dialect) == name


def test_every_name_of_the_packs_survives_the_way_to_text_and_back() -> None:
    for entry in Vocabulary.default().entries():
        for dialect in Dialect:
            assert text_to_name(name_to_text(entry.name, dialect), dialect) == entry.name


def test_every_danbooru_name_survives_the_way_to_text_and_back(shared: Path) -> None:
    with gzip.open(shared / "data/danbooru_tags_2025-09-24_all.tsv.gz", "rt", encoding="utf-8") as rows:
        next(rows)
        names = [row.split("\t")[0] for row, _ in zip(rows, range(200_000), strict=False)]
    lost = [name for name in names if text_to_name(name_to_text(name)) != name]
    assert [name for name in lost if name == name.lower() and "__" not in name and name.strip("_") == name] == []


@given(text=st.text(max_size=40), dialect=st.sampled_from(list(Dialect)))
def test_escaping_makes_every_character_literal(text: str, dialect: Dialect) -> None:
    assert unescape(escape(text, dialect), dialect) == text


def test_faces_and_scores_keep_their_underscores() -> None:
    kept = "^_^ >_< @_@ +_+ =_= o_o |_| 0_0 u_u >_o ._. x_x 3_3 6_9 <|>_<|> <o>_<o> score_7 score_10 score_8_up".split()
    spaced = "long_hair 86_-eightysix- gauss_<bokashi 1980s_(style) 2b_(nier:automata) sui._(ayase) mr._c.b. st._louis 100%_orange_juice".split()
    assert all(keeps_underscores(name) for name in kept)
    assert not any(keeps_underscores(name) for name in spaced)


def test_only_an_at_sign_with_a_name_behind_it_marks_an_artist() -> None:
    assert [is_artist(t) for t in ("@a", "@@ichigo", "@ a", "@", "@_@", "a@b", "@?!")] == [True, True, True] + [
        False
    ] * 4


def test_unknown_dialects_and_sections_are_named() -> None:
    with pytest.raises(DialectError, match="dialect is 'comfy'; expected one of comfyui, a1111, invokeai, plain"):
        Dialect.of("comfy")
    assert Section.of("artist") is Section.ARTIST
