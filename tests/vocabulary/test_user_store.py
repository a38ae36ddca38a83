"""Facts about importing lists and about the store on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from anima_prompt import DataFileError, Prompt, Section, Vocabulary
from anima_prompt.errors import StoreError
from anima_prompt.vocabulary.lists import read_list
from anima_prompt.vocabulary.store import SCHEMA_VERSION, build, open_store, read_meta
from anima_prompt.vocabulary.user_store import UserStore
from tests.systems import posix

LIST = '1girl,0,7000000,"1girls,sole_female"\nmy_oc,4,12,\nmy_painter,1,44,"old_name"\nlong_hair,0,6000000,"longhair"\n'


@pytest.fixture
def library(tmp_path: Path) -> UserStore:
    return UserStore(tmp_path / "library")


def written(tmp_path: Path, text: str | bytes, name: str = "mine.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_an_import_adds_names_and_renews_counts_and_the_packs_keep_what_they_know(
    library: UserStore, tmp_path: Path
) -> None:
    found = library.add(written(tmp_path, LIST))
    assert len(found.entries) == 4
    table = Vocabulary.from_store(library)
    assert table.section_of("my oc") is Section.CHARACTER
    assert table.section_of("old name") is Section.ARTIST
    long_hair = table.lookup("long_hair")
    assert long_hair is not None
    assert (long_hair.post_count, long_hair.group) == (6_000_000, "hair/length")
    assert "longhair" in long_hair.aliases
    assert table.section_of("1girl") is Section.COUNT
    assert table.section_of("masterpiece") is Section.QUALITY
    assert table.section_of("somebody \\(kancolle\\)") is Section.CHARACTER
    assert Prompt.parse("my oc, 1girl", vocabulary=table).to_text() == "1girl, my oc"


def test_a_store_answers_as_the_packs_in_memory_do(library: UserStore, tmp_path: Path) -> None:
    library.add(written(tmp_path, "zz_new,0,1,\n"))
    store, memory = Vocabulary.from_store(library), Vocabulary.default()
    assert len(store) == len(memory) + 1
    for entry in memory.entries():
        assert store.lookup(entry.name) == entry
    assert store.group("hair/length") == memory.group("hair/length")
    assert store.characters_of("vocaloid") == memory.characters_of("vocaloid")
    assert store.lookup("no_such_tag") is None
    assert store.lookup("no_such_tag") is None
    assert [m.entry for m in store.search("miku")] == [m.entry for m in memory.search("miku")]


def test_an_import_of_the_same_name_replaces_and_forget_removes(library: UserStore, tmp_path: Path) -> None:
    library.add(written(tmp_path, "first_tag,0,5,\n"))
    library.add(written(tmp_path, "second_tag,0,5,\n"))
    assert ("first_tag" in Vocabulary.from_store(library), "second_tag" in Vocabulary.from_store(library)) == (
        False,
        True,
    )
    library.remove("mine")
    assert not library.imports()
    assert "second_tag" not in Vocabulary.from_store(library)
    with pytest.raises(StoreError, match="no import named 'mine'; no lists have been imported"):
        library.remove("mine")


def test_a_changed_import_or_pack_has_the_store_rebuilt_at_the_next_opening(library: UserStore, tmp_path: Path) -> None:
    library.add(written(tmp_path, "first_tag,0,5,\n"))
    (kept,) = library.imports()
    kept.write_text("other_tag,0,5,\n")
    assert "other_tag" in Vocabulary.from_store(library)
    assert read_meta(open_store(library.store))["fingerprint"] == library.fingerprint()


def test_bad_rows_are_all_named_and_skipped_only_when_asked(library: UserStore, tmp_path: Path) -> None:
    path = written(tmp_path, "good,0,5,\nno count,0\nbad_category,9,5,\nbad_count,0,many,\ngood,0,5,\n")
    with pytest.raises(DataFileError) as caught:
        library.add(path)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[1] for line in lines[:4]] == ["2", "3", "4", "5"]
    assert "4 bad rows; fix them, or skip them with --skip-bad" in lines[-1]
    assert not library.imports()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("e621.csv", "wolf,5,9,\nuploader,7,9,\ncanine,5,8,\nspecies_x,8,9,\n", "rows have category numbers of e621"),
        ("names.txt", "wlop\n", "a .txt list needs a category; add --category"),
        ("tags.md", "wlop\n", "ends in '.md'; expected a tag list"),
        ("empty.csv", "", "contains no tags"),
        ("picture.csv", b"\x89PNG\x00", "is a binary file"),
    ],
)
def test_a_file_that_is_no_list_is_refused_in_one_line(
    library: UserStore, tmp_path: Path, name: str, text: str | bytes, message: str
) -> None:
    with pytest.raises(DataFileError, match=message) as caught:
        library.add(written(tmp_path, text, name), skip_bad=True)
    assert "\n" not in str(caught.value)


def test_lists_as_they_circulate_are_read(tmp_path: Path) -> None:
    text = (
        "\ufeffname,category,count,aliases\r\n".encode()
        + b'"don\'t_say_""lazy""",0,1078,don\'t_say_lazy\r\n'
        + b'"lu""",1,38,\r\n'
        + b'pokemon,3,257801,"pocket_monsters,pok\xa8\xa6mon"\r\n'
        + b"nil,1,3,\r\n\r\n"
    )
    found = read_list(written(tmp_path, text))
    assert [entry.name for entry in found.entries] == ['don\'t_say_"lazy"', 'lu"', "pokemon", "nil"]
    assert found.entries[2].aliases == ("pocket_monsters", "pokémon")
    assert found.warnings == ("4: not UTF-8, read as gbk",)
    assert found.bad_rows == ()


def test_a_text_file_of_artists_is_read_in_prompt_spelling(tmp_path: Path) -> None:
    found = read_list(
        written(tmp_path, "# mine\n@wlop,\nhammer \\(sunset beach\\)\n\nwlop\n", "a.txt"), category="artist"
    )
    assert [entry.name for entry in found.entries] == ["wlop", "hammer_(sunset_beach)"]
    assert found.bad_rows == ("5: 'wlop' is a duplicate",)


def test_the_lists_in_circulation_are_read(shared: Path, tmp_path: Path) -> None:
    import gzip

    for name, least in (
        ("real_draconicdragon_2025-05-01_pt25", 150_000),
        ("real_huchukato_2026-03_pt25_crlf", 137_000),
    ):
        path = written(tmp_path, gzip.decompress((shared / "data" / f"{name}.csv.gz").read_bytes()), f"{name}.csv")
        assert len(read_list(path).entries) > least
    found = read_list(shared / "data/real_dominikdoom_2024-11-09_gbk_excerpt.csv")
    assert len(found.warnings) == 12
    assert found.bad_rows == ()


def test_a_damaged_store_is_rebuilt_and_a_missing_one_explained(library: UserStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="missing: vocabulary; run 'anima-prompt tags import'"):
        open_store(library.store)
    library.add(written(tmp_path, LIST))
    library.store.write_bytes(b"SQLite format 3\x00" + b"junk" * 500)
    with pytest.raises(StoreError, match=r"the vocabulary is damaged .* delete it and import again"):
        open_store(library.store)
    assert "my_oc" in Vocabulary.from_store(library)


def test_a_store_of_another_version_is_rebuilt(library: UserStore, tmp_path: Path) -> None:
    import sqlite3

    library.add(written(tmp_path, LIST))
    with sqlite3.connect(library.store) as connection:
        connection.execute("UPDATE meta SET value = '0' WHERE key = 'schema'")
    with pytest.raises(StoreError, match=f"has version 0, expected {SCHEMA_VERSION}; import again"):
        open_store(library.store)
    assert "my_oc" in Vocabulary.from_store(library)


@posix
def test_a_full_disk_leaves_the_old_vocabulary_and_nothing_beside_it(library: UserStore, tmp_path: Path) -> None:
    library.add(written(tmp_path, LIST))
    before = library.store.read_bytes()
    command = (
        f"ulimit -f 8; {sys.executable} -m anima_prompt tags import {written(tmp_path, 'new_tag,0,1,', 'new.csv')}"
    )
    env = {**os.environ, "ANIMA_PROMPT_DATA": str(library.folder)}
    done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, check=False)  # noqa: S607
    assert done.returncode == 2
    assert "the old vocabulary is unchanged" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert library.store.read_bytes() == before
    assert "my_oc" in Vocabulary.from_store(library)
    left = sorted(p.name for p in library.folder.rglob("*") if p.is_file())
    assert left == ["mine.csv", library.store.name]


def test_a_disk_that_fills_up_during_the_copy_of_a_list_leaves_no_temporary_file(
    library: UserStore, tmp_path: Path
) -> None:
    library.add(written(tmp_path, LIST))
    before = sorted(p.name for p in library.folder.rglob("*") if p.is_file())
    big = written(tmp_path, "".join(f"tag_number_{i},0,{i},\n" for i in range(2_000)), "big.csv")
    command = f"ulimit -f 8; {sys.executable} -m anima_prompt tags import {big}"
    env = {**os.environ, "ANIMA_PROMPT_DATA": str(library.folder)}
    done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, check=False)  # noqa: S607
    assert done.returncode == 2
    assert "big.csv: cannot be written" in done.stderr
    assert sorted(p.name for p in library.folder.rglob("*") if p.is_file()) == before


def test_a_killed_import_leaves_the_old_vocabulary(library: UserStore, tmp_path: Path) -> None:
    library.add(written(tmp_path, LIST))
    big = written(tmp_path, "".join(f"tag_number_{i},0,{i},\n" for i in range(30_000)), "big.csv")
    env = {**os.environ, "ANIMA_PROMPT_DATA": str(library.folder)}
    process = subprocess.Popen([sys.executable, "-m", "anima_prompt", "tags", "import", str(big)], env=env)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.6)
    process.kill()
    process.wait()
    table = Vocabulary.from_store(library)
    assert "my_oc" in table
    assert "tag_number_7" not in table


def test_two_imports_at_once_are_both_there_afterwards(library: UserStore, tmp_path: Path) -> None:
    env = {**os.environ, "ANIMA_PROMPT_DATA": str(library.folder)}
    lists = [written(tmp_path, f"tag_of_{name},0,5,\n", f"{name}.csv") for name in ("one", "two")]
    running = [
        subprocess.Popen([sys.executable, "-m", "anima_prompt", "tags", "import", str(p)], env=env) for p in lists
    ]
    assert [process.wait() for process in running] == [0, 0]
    table = Vocabulary.from_store(library)
    assert "tag_of_one" in table
    assert "tag_of_two" in table


def test_building_reports_how_many_there_are(tmp_path: Path) -> None:
    assert build(tmp_path / "deep" / "store.sqlite", Vocabulary.default().entries()) == len(Vocabulary.default())
