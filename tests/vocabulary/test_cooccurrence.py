"""What is learnt from captions: scores, ranking, what is related, and the file that holds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from anima_prompt.errors import StoreError
from anima_prompt.vocabulary import Vocabulary, data_folder
from anima_prompt.vocabulary.cooccurrence import LEAST, learn, open_cooccurrence
from anima_prompt.vocabulary.user_store import UserStore

CAPTIONS = [
    *[("1girl", "witch_hat", "broom", "night")] * 6,
    *[("1girl", "smile")] * 20,
    *[("1girl", "witch_hat", "smile")] * 2,
    ("1girl", "rare_thing", "broom"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    learn(CAPTIONS, tmp_path / "learned.sqlite")
    return tmp_path / "learned.sqlite"


def test_the_score_is_the_cosine_of_the_counts(file: Path) -> None:
    learned = open_cooccurrence(file)
    assert learned is not None
    first = learned.related("witch_hat", limit=1)[0]
    assert (first.name, first.captions) == ("night", 6)
    assert first.score == pytest.approx(6 / (8 * 6) ** 0.5, abs=1e-6)
    scores = [one.score for one in learned.related("1girl")]
    assert scores == sorted(scores, reverse=True)
    assert learned.captions() == len(CAPTIONS)


def test_what_is_too_rare_is_left_out_and_a_tag_twice_in_a_caption_counts_once(tmp_path: Path) -> None:
    lesson = learn([("a", "a", "b")] * LEAST + [("c", "d")] * (LEAST - 1), tmp_path / "x.sqlite")
    assert (lesson.captions, lesson.tags, lesson.pairs) == (2 * LEAST - 1, 2, 1)
    learned = open_cooccurrence(tmp_path / "x.sqlite")
    assert learned is not None
    assert [(one.name, one.captions) for one in learned.related("a")] == [("b", LEAST)]
    assert learned.related("c") == []


def test_a_new_lesson_takes_the_place_of_the_old_one_and_a_failed_one_does_not(file: Path) -> None:
    before = file.read_bytes()
    (file.parent / "file").write_text("x", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be written"):
        learn(CAPTIONS, file.parent / "file" / "learned.sqlite")
    assert file.read_bytes() == before
    learn([("x", "y")] * 5, file)
    learned = open_cooccurrence(file)
    assert learned is not None
    assert learned.related("witch_hat") == []


@pytest.mark.parametrize("content", [None, b"", b"no database" * 50])
def test_nothing_readable_is_nothing_learnt(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "learned.sqlite"
    if content is not None:
        path.write_bytes(content)
    assert open_cooccurrence(path) is None


def test_related_speaks_from_captions_or_else_from_groups_and_series(file: Path) -> None:
    packs = Vocabulary.from_folder(data_folder())
    taught = Vocabulary(packs.entries(), learned=open_cooccurrence(file))
    assert taught.related("witch_hat")[0].name == "night"
    assert packs.related("witch_hat")[0].captions == 0
    assert {packs.lookup(one.name).group for one in packs.related("long_hair")} == {"hair/length"}  # type: ignore[union-attr]
    assert packs.related("hatsune_miku", limit=3)[0].name in {e.name for e in packs.characters_of("vocaloid")}
    assert packs.related("no such tag") == []


def test_what_the_prompt_holds_comes_first_among_equally_good_matches(file: Path) -> None:
    packs = Vocabulary.from_folder(data_folder())
    taught = Vocabulary(packs.entries(), learned=open_cooccurrence(file))
    plain = [match.entry.name for match in taught.search("bro", limit=40)]
    held = [match.entry.name for match in taught.search("bro", limit=40, beside=["witch_hat"])]
    assert set(held) <= {match.entry.name for match in taught.search("bro", limit=60)}
    assert held.index("broom") < plain.index("broom")
    assert held[0] == "broom"


def test_a_character_of_a_series_in_the_prompt_comes_first(tmp_path: Path) -> None:
    packs = Vocabulary.from_folder(data_folder())
    found = packs.search("kag", limit=60, beside=["vocaloid"])
    characters = [match.entry.series for match in found if match.tier is found[0].tier and match.entry.series]
    assert characters[0] == "vocaloid"


def test_the_library_uses_what_was_learnt(tmp_path: Path) -> None:
    library = UserStore(tmp_path)
    assert Vocabulary.from_store(library).related("witch_hat")[0].captions == 0
    library.learn(CAPTIONS)
    assert Vocabulary.from_store(library).related("witch_hat")[0].captions == 6
