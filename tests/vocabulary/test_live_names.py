"""Facts about the hashes of live names and words: what is in them, that nothing can be read from them, and damage."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zlib
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anima_prompt import DataFileError, Vocabulary
from anima_prompt.vocabulary import data_folder, live_names
from anima_prompt.vocabulary.live_names import (
    ENGLISH_WORDS,
    LIVE_ALIASES,
    LIVE_NAMES,
    NAME_WORDS,
    is_english,
    is_live,
    is_live_alias,
    is_word,
    pack_hashes,
    unpack_hashes,
)

ROOT = Path(__file__).resolve().parents[2]
FILES = (LIVE_NAMES, LIVE_ALIASES, ENGLISH_WORDS, NAME_WORDS)
LIVE = """
slowking thanos kaonashi suzumiya_haruhiko riddle_rosehearts gehrman_sparrow groin planetes smile highres wlop
pokemon_scarlet_and_violet
""".split()
"""Tags of every category with 20 posts and more on 2025-09-24, and one that has got its name since."""


@pytest.mark.parametrize("name", LIVE)
def test_a_live_name_is_known_by_its_hash(name: str) -> None:
    assert is_live(name)
    assert not is_live_alias(name)


@pytest.mark.parametrize("name", ["thighhihgs", "looking_at_veiwer", "slowkin", "don't", "", "\ud800", "long hair"])
def test_a_misspelling_or_no_name_is_not_live(name: str) -> None:
    assert not is_live(name)
    assert not is_live_alias(name)


def test_aliases_are_apart_from_names() -> None:
    assert is_live_alias("raindrops")
    assert not is_live("raindrops")
    assert is_live("water_drop")


def test_words_are_english_or_parts_of_names() -> None:
    for word in ("snowfall", "tracing", "don't", "black", "coloured", "colored"):
        assert is_english(word), word
        assert is_word(word), word
    for word in ("haruhiko", "gehrman", "dupain", "friedrich", "slowking"):
        assert not is_english(word), word
        assert is_word(word), word
    for word in ("umbrela", "veiwer", "lookin", "sleev", "hiar"):
        assert not is_word(word), word


def test_every_packed_name_is_live_and_no_packed_alias_is_a_live_name() -> None:
    entries = [entry for entry in Vocabulary.default().entries() if entry.category != "closed"]
    assert [entry.name for entry in entries if entry.post_count >= 20 and not is_live(entry.name)] == []
    assert [alias for entry in entries for alias in entry.aliases if is_live(alias)] == []


def test_a_file_states_its_source_date_and_post_count() -> None:
    heads = {file: (data_folder() / file).read_bytes().partition(b"\n")[0].decode("ascii") for file in FILES}
    for file in (LIVE_NAMES, LIVE_ALIASES, NAME_WORDS):
        assert "source=Danbooru date=2025-09-24 posts>=20" in heads[file]
    assert "SCOWL-2020.12.07" in heads[ENGLISH_WORDS]
    assert "SCOWL-2020.12.07" in heads[NAME_WORDS]
    assert (data_folder() / "tags/SCOWL-COPYRIGHT.txt").read_text(encoding="utf-8").count("Kevin Atkinson") >= 2


def test_names_have_hashes_of_64_bits_and_all_files_take_less_than_two_megabytes_in_the_wheel() -> None:
    for file in (LIVE_NAMES, LIVE_ALIASES):
        assert unpack_hashes((data_folder() / file).read_bytes()).width == 6  # and two bytes number the bucket
    assert len(unpack_hashes((data_folder() / LIVE_NAMES).read_bytes())) > 180_000
    assert sum(len(zlib.compress((data_folder() / file).read_bytes(), 9)) for file in FILES) < 2_000_000


def test_no_name_can_be_read() -> None:
    names = [entry.name.encode() for entry in Vocabulary.default().entries() if len(entry.name) >= 6][:3000]
    for file in FILES:
        body = (data_folder() / file).read_bytes().partition(b"\n")[2]
        assert not [name for name in names if name in body]


texts = st.text(max_size=8)


@given(members=st.sets(texts, max_size=40), strangers=st.sets(texts, max_size=40), width=st.sampled_from((3, 6)))
def test_a_set_has_what_was_packed_and_nothing_else(members: set[str], strangers: set[str], width: int) -> None:
    packed = unpack_hashes(pack_hashes(members, width=width, about="test"))
    assert len(packed) == len(members)
    assert all(member in packed for member in members)
    assert not [text for text in strangers - members if text in packed]


def test_a_hash_that_stands_across_two_hashes_is_not_found() -> None:
    class Shifted(live_names.HashSet):
        """One bucket with hashes that hold a stranger's hash at an odd place."""

    stranger = "stranger"
    bucket, rest = live_names._hashed(stranger, 6)
    starts = unpack_hashes(pack_hashes([], width=6, about="test")).starts[:]
    for place in range(bucket + 1, len(starts)):
        starts[place] = 2
    assert stranger not in Shifted(starts, b"\0\0\0" + rest + b"\0\0\0", 6)
    assert stranger in Shifted(starts, b"\0" * 6 + rest, 6)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"something else\n",
        b"anima-prompt hashes 1 width=6 count=2 x\n" + bytes(1 << 16),
        b"anima-prompt hashes 1 count=0 x\n" + bytes(1 << 16),
        b"anima-prompt hashes 1 width=6 count=1 x\n" + bytes(1 << 16) + b"123456",
    ],
)
def test_a_damaged_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"bytes do not contain|not that of a hash file"):
        unpack_hashes(data)


def test_a_missing_or_damaged_file_is_named_with_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_names, "data_folder", lambda: tmp_path)
    live_names._read.cache_clear()
    try:
        with pytest.raises(DataFileError, match=r"live_names\.bin: cannot be read .*; reinstall anima-prompt"):
            is_live("smile")
        (tmp_path / "tags").mkdir()
        (tmp_path / LIVE_NAMES).write_bytes(b"short")
        with pytest.raises(DataFileError, match=r"live_names\.bin: cannot be read .*; reinstall anima-prompt"):
            is_live("smile")
    finally:
        live_names._read.cache_clear()


def test_neither_an_import_nor_a_prompt_of_known_tags_reads_a_file() -> None:
    code = """
from anima_prompt.lint import Document, Linter
from anima_prompt.vocabulary import live_names
print(live_names._read.cache_info().currsize)
tags = '''masterpiece, best quality, score_7, safe, 1girl, hatsune miku, vocaloid, @wlop, solo, long hair, twintails,
aqua hair, aqua eyes, smile, looking at viewer, school uniform, pleated skirt, necktie, thighhighs, detached sleeves,
hair ribbon, outdoors, sky, cloud, cherry blossoms, petals, standing, upper body, from side, blurry background'''
linter = Linter()
linter.check(Document(tags.replace(chr(10), " ")))
print(live_names._read.cache_info().currsize)
linter.check(Document(tags.replace(chr(10), " ") + ", slowking"))
print(live_names._read.cache_info().currsize)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, clean, unknown = map(int, done.stdout.split())
    assert (before, clean) == (0, 0)
    assert unknown > 0


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_live_names", ROOT / "scripts/build_live_names.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_takes_live_tags_and_their_aliases_alone(tmp_path: Path) -> None:
    import gzip

    script = _script()
    tags = "name\tcategory\tpost_count\tdeprecated\nhat\t0\t20\t0\nrare\t0\t19\t0\ngone\t0\t900\t1\nold\t3\t50\t0\n"
    with gzip.open(tmp_path / "danbooru_tags_2025-09-24_all.tsv.gz", "wt", encoding="utf-8") as file:
        file.write(tags)
    with gzip.open(tmp_path / "danbooru_aliases_2025-09-24.tsv.gz", "wt", encoding="utf-8") as file:
        file.write('antecedent\tconsequent\tcreated\ncap"\that\t2020\nscarce\trare\t2020\n')
    (tmp_path / "renames_after_cutoff.tsv").write_text("old\tnew\nold\tnew_name\n", encoding="utf-8")
    names = script.live_names(tmp_path)
    assert names == {"hat": 20, "old": 50, "new_name": 50}
    assert script.live_aliases(tmp_path, names) == {'cap"'}
    (tmp_path / "english-words.60").write_text("Hat\nscarf\n", encoding="latin-1")
    (tmp_path / "english-words.80").write_text("rare\n", encoding="latin-1")
    (tmp_path / "french-words.10").write_text("chapeau\n", encoding="latin-1")
    assert script.scowl_words(tmp_path, script.WORDS) == {"hat", "scarf"}


def test_the_files_are_those_that_the_script_makes_of_the_reference_lists(shared: Path) -> None:
    script = _script()
    names = script.live_names(shared / "data")
    for file, members in ((LIVE_NAMES, set(names)), (LIVE_ALIASES, script.live_aliases(shared / "data", names))):
        about = f"source=Danbooru date={script.DATE} posts>={script.MIN_POSTS}"
        assert pack_hashes(members, width=6, about=about) == (data_folder() / file).read_bytes()
