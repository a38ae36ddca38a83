"""Facts about the curated packs, and about the checker that guards them."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from anima_prompt import DataFileError, Section, Vocabulary
from anima_prompt.vocabulary import PACKS, Entry, data_folder, read_pack
from anima_prompt.vocabulary.packs import other_names

TABLE = Vocabulary.default()


@pytest.mark.parametrize("pack", PACKS, ids=lambda p: p.path)
def test_a_pack_follows_its_schema(pack) -> None:  # type: ignore[no-untyped-def]
    assert read_pack(pack, data_folder())


def test_names_are_unique_over_the_open_packs() -> None:
    seen: dict[str, str] = {}
    doubled = []
    for pack in PACKS:
        if pack.path.split("/")[1] in ("general.csv", "artists.csv", "characters.csv", "series.csv", "meta.csv"):
            for entry in read_pack(pack, data_folder()):
                if entry.name in seen:
                    doubled.append((entry.name, seen[entry.name], pack.path))
                seen[entry.name] = pack.path
    assert doubled == []


def test_an_alias_is_no_name_of_its_own() -> None:
    names = {entry.name for entry in TABLE.entries()}
    clashes = [(alias, entry.name) for entry in TABLE.entries() for alias in entry.aliases if alias in names]
    assert clashes == []


def test_characters_point_to_packed_series_and_packed_or_plausible_looks() -> None:
    for entry in TABLE.entries(Section.CHARACTER):
        series = TABLE.lookup(entry.series)
        assert series is not None, entry
        assert series.section is Section.SERIES, entry
        assert len(set(entry.looks)) == len(entry.looks), entry
        assert entry.count in ("1girl", "1boy", "1other", ""), entry


def test_closed_vocabularies_hold_the_words_of_the_model_card() -> None:
    for word in ("masterpiece", "best quality", "good quality", "normal quality", "low quality", "worst quality"):
        assert TABLE.section_of(word) is Section.QUALITY
    for score in range(1, 10):
        assert TABLE.section_of(f"score_{score}") is Section.QUALITY
    for word in ("safe", "sensitive", "nsfw", "explicit"):
        assert TABLE.section_of(word) is Section.SAFETY
    for word in ("newest", "recent", "mid", "early", "old", "year 2005", "year 2025"):
        assert TABLE.section_of(word) is Section.YEAR
    for word in ("highres", "absurdres", "anime screenshot", "jpeg artifacts", "official art"):
        assert TABLE.section_of(word) is Section.META
    for word in ("1girl", "1boy", "1other", "2girls", "6+girls", "multiple girls", "no humans"):
        assert TABLE.section_of(word) is Section.COUNT


def test_post_counts_and_categories_agree_with_the_reference(shared: Path) -> None:
    wanted = {e.name: e for e in TABLE.entries() if e.post_count}
    numbers = {"0": "general", "1": "artist", "3": "copyright", "4": "character", "5": "meta"}
    with gzip.open(shared / "data/danbooru_tags_2025-09-24_all.tsv.gz", "rt", encoding="utf-8") as rows:
        for row in rows:
            name, category, count, deprecated = row.rstrip("\n").split("\t")
            entry = wanted.pop(name, None)
            if entry is None:
                continue
            assert entry.post_count == int(count), name
            assert deprecated == "0", name
            medium = entry.section is Section.GENERAL and name.endswith("_(medium)")
            assert medium or entry.category == numbers[category], name
    assert wanted == {}


def test_bad_rows_are_all_reported_together(tmp_path: Path) -> None:
    (tmp_path / "tags").mkdir()
    path = tmp_path / "tags/general.csv"
    path.write_text("name,group,post_count,aliases\nb,x,1,\na,x,many,\na,x,1,\nLong Hair,x,1,\nz,x\n", encoding="utf-8")
    with pytest.raises(DataFileError) as caught:
        read_pack(PACKS[0], tmp_path)
    lines = [re.sub(r"^.*general\.csv:", "", line) for line in str(caught.value).splitlines()]
    assert [line.split(":")[0] for line in lines] == ["3", "3", "4", "5", "5", "6"]
    assert "name 'a' is a duplicate or out of order after 'b'" in lines[0]
    assert "post_count is 'many'; expected a whole number" in lines[1]
    assert "name is 'Long Hair'" in lines[3]
    assert "2 fields; expected 4" in lines[5]


@pytest.mark.parametrize(
    ("index", "text", "message"),
    [
        (0, "name,group\n", "header is"),
        (0, "", "header is missing"),
        (8, "name,ladder,rank,write\na,pony,,\n", "ladder is 'pony'; expected one of 'human', 'aesthetic', 'foreign'"),
    ],
)
def test_other_damage_is_named(tmp_path: Path, index: int, text: str, message: str) -> None:
    pack = PACKS[index]
    (tmp_path / pack.path).parent.mkdir(parents=True)
    (tmp_path / pack.path).write_text(text, encoding="utf-8")
    with pytest.raises(DataFileError, match=message):
        read_pack(pack, tmp_path)


def test_a_missing_pack_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"cannot be read .* reinstall anima-prompt"):
        Vocabulary.from_folder(tmp_path)


def test_look_ups_go_by_name_alias_and_text() -> None:
    assert TABLE.lookup("hatsune_miku") is TABLE.find("Hatsune Miku")
    screenshot = TABLE.lookup("anime_screencap")
    assert screenshot is not None
    assert screenshot.name == "anime_screenshot"
    assert TABLE.find("@hatsune miku") is None
    assert TABLE.find("@wlop") is TABLE.lookup("wlop")
    assert "no_such_tag" not in TABLE
    assert 3 not in TABLE
    assert len(TABLE) == len(TABLE.entries())
    assert [e.name for e in TABLE.characters_of("vocaloid")][:2] == ["hatsune_miku", "kagamine_rin"]


def test_the_words_of_the_model_beat_danboorus() -> None:
    entries = [Entry("old", "general", Section.GENERAL, 5), Entry("old", "closed", Section.YEAR)]
    assert Vocabulary(entries).section_of("old") is Section.YEAR
    assert TABLE.section_of("old") is Section.YEAR


def test_the_table_is_a_pandas_frame_for_people() -> None:
    frame = TABLE.to_frame()
    assert len(frame) == len(TABLE)
    assert set(frame["section"]) >= {"character", "artist", "general"}
    assert frame["post_count"].is_monotonic_decreasing


def test_names_in_other_scripts_belong_to_packed_names_and_to_one_each() -> None:
    folder = data_folder()
    others = other_names(folder)
    packed = {entry.name for pack in PACKS for entry in read_pack(pack, folder)}
    assert set(others) <= packed
    assert list(others) == sorted(others)
    texts = [text for names in others.values() for text in names]
    assert len(texts) == len(set(texts))
    assert all(any(char >= "\u3040" for char in text) for text in texts)


@pytest.mark.parametrize("content", ["", "name\n", "name,names\nhat\n", "name,names\nhat,\n"])
def test_a_bad_file_of_other_names_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "tags").mkdir()
    (tmp_path / "tags" / "other_names.csv").write_text(content, encoding="utf-8")
    with pytest.raises(DataFileError, match=r"other_names\.csv:"):
        other_names(tmp_path)
