"""Facts about searching a store."""

from __future__ import annotations

import csv
import gzip
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from anima_prompt import Section, Vocabulary
from anima_prompt.vocabulary import Entry, data_folder, search
from anima_prompt.vocabulary.lists import CATEGORIES
from anima_prompt.vocabulary.store import build, fill, open_store, parts_of

NAMES = (
    "long_hair",
    "very_long_hair",
    "long_skirt",
    "black_hair",
    "black_hair_ornament",
    "hat",
    "cat",
    "cat_ears",
    "twintails",
    "sky",
)


def store_of(entries: list[Entry]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    fill(connection, entries)
    return connection


def general(name: str, count: int = 1, *aliases: str) -> Entry:
    return Entry(name, "general", Section.GENERAL, count, aliases)


STORE = store_of([general(name, 100 - i) for i, name in enumerate(NAMES)])


def found(query: str, limit: int = 20) -> list[tuple[str, str]]:
    return [(m.entry.name, m.tier.name) for m in search.search(STORE, query, limit=limit)]


def test_an_exact_name_comes_first_then_beginnings_of_words_by_post_count() -> None:
    assert found("long hair") == [("long_hair", "EXACT"), ("very_long_hair", "PREFIX"), *found("long hair")[2:]]
    assert found("long")[:3] == [("long_hair", "PREFIX"), ("very_long_hair", "PREFIX"), ("long_skirt", "PREFIX")]


def test_an_alias_leads_to_its_entry_once() -> None:
    store = store_of([general("1girl", 9, "1girls", "girl_solo"), general("girls_frontline", 5)])
    assert next((m.entry.name, m.tier.name) for m in search.search(store, "1girls")) == ("1girl", "ALIAS")
    assert [m.entry.name for m in search.search(store, "girl")].count("1girl") == 1


def test_an_alias_that_is_a_live_tag_never_shadows_it() -> None:
    store = store_of([general("boots", 9), general("rain_boots", 3, "boots")])
    match = search.exact(store, "boots")
    assert match is not None
    assert (match.entry.name, match.tier.name) == ("boots", "EXACT")


def test_patterns_and_abbreviations() -> None:
    assert [name for name, _ in found("*_hair")] == ["long_hair", "very_long_hair", "black_hair"]
    assert [name for name, _ in found("black*ornament")] == ["black_hair_ornament"]
    assert [name for name, _ in found("*t")] == ["long_skirt", "black_hair_ornament", "hat", "cat"]
    assert [name for name, _ in found("/bho")] == ["black_hair_ornament"]
    assert [name for name, _ in found("/vlh")] == ["very_long_hair"]
    assert found("*?*") == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("lnog_hair", "long_hair"),
        ("twintials", "twintails"),
        ("balck_hiar", "black_hair"),
        ("longhair", "long_hair"),
        ("hta", "hat"),
    ],
)
def test_a_typo_is_forgiven(query: str, name: str) -> None:
    assert name in [match.entry.name for match in search.nearest(STORE, query)]
    assert found(query)[0][0] == name


def test_a_name_is_not_its_own_typo_and_short_names_are_not_stretched() -> None:
    assert "hat" not in [m.entry.name for m in search.nearest(STORE, "hat")]
    assert search.nearest(STORE, "xyz") == []
    assert search.search(STORE, "  ") == []
    assert search.complete(STORE, "") == []


names = st.text(alphabet="abc_", min_size=2, max_size=12)


@given(known=st.lists(names, min_size=1, max_size=12, unique=True), query=names)
def test_typos_are_those_that_a_look_at_every_name_finds(known: list[str], query: str) -> None:
    store = store_of([general(name) for name in known])
    near = {name for name in known if 0 < OSA.distance(query, name) < parts_of(len(name))}
    got = {text for text, _, _ in search.typos(store, query, limit=100)}
    assert got == near
    far = {name for name in known if len(name) in (4, 5) and OSA.distance(query, name) == 2}
    assert {text for text, _, _ in search.typos(store, query, limit=100, far=True)} == far


@pytest.mark.parametrize("query", ["frog_cosutme", "fro_gcostume", "rfog_costume", "forgc_ostume", "frog_costuem"])
def test_letters_swapped_anywhere_are_forgiven(query: str) -> None:
    store = store_of([general("frog_costume", 5), general("hat", 9)])
    assert [match.entry.name for match in search.nearest(store, query)] == ["frog_costume"]


def test_short_names_with_two_edits_are_found_if_nothing_is_nearer() -> None:
    store = store_of([general("watch", 5), general("batch", 9), general("hat", 20)])
    assert [match.entry.name for match in search.nearest(store, "awtmch")] == ["watch"]
    assert [match.entry.name for match in search.nearest(store, "wathc")] == ["watch"]


def test_fewer_edits_come_first_then_the_more_common_tag_whatever_the_letters() -> None:
    store = store_of([general("quilts", 90), general("quiltz", 50), general("quilta", 70), general("guilty", 99)])
    assert search.typos(store, "quilt") == [("quilts", 1, 1), ("quilta", 2, 1), ("quiltz", 3, 1), ("guilty", 0, 2)]
    assert search.typos(store, "quilt", limit=2) == [("quilts", 1, 1), ("quilta", 2, 1)]
    near = search.nearest(store, "quilt", limit=4)
    assert [match.entry.name for match in near] == ["quilts", "quilta", "quiltz", "guilty"]
    assert [round(match.score, 3) for match in near] == [0.833, 0.833, 0.833, 0.667]
    assert {match.tier for match in near} == {search.Tier.TYPO}
    assert len(search.nearest(store, "quilt", limit=1)) == 1
    shorter = store_of([general("quil", 10), general("quiltz", 50), general("uilt", 20), general("quilts", 90)])
    assert [text for text, _, _ in search.typos(shorter, "quilt")] == ["quilts", "quiltz", "uilt", "quil"]


def test_an_entry_comes_once_by_its_nearest_spelling() -> None:
    store = store_of([general("quilts", 90, "quilty", "squilts")])
    assert [(match.entry.name, match.form) for match in search.nearest(store, "quiltz", limit=5)] == [
        ("quilts", "quilts")
    ]
    store = store_of([general("quilts", 90, "quilty", "quilta"), general("quiltz", 50)])
    assert [match.entry.name for match in search.nearest(store, "quilt", limit=2)] == ["quilts", "quiltz"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("bacth", ["batch"]),  # one swap: the two-edit watch is not asked for
        ("cacth", ["batch", "watch"]),  # two edits in five letters, none nearer
        ("htax", []),  # three letters do not bear two edits
        ("chxx", ["chat"]),  # four letters bear two
        ("waxxch", ["watch"]),  # a query one letter longer than the longest short form
        ("waxxtch", []),  # a longer one has nothing to do with short forms
        ("boottle", ["bottle"]),
        ("boxxle", ["bottle"]),  # two edits in six letters, the usual way
    ],
)
def test_which_short_forms_bear_two_edits(query: str, names: list[str]) -> None:
    store = store_of(
        [general("hat", 99), general("chat", 60), general("batch", 50), general("watch", 40), general("bottle", 30)]
    )
    assert [match.entry.name for match in search.nearest(store, query, limit=5)] == names


def test_two_edits_are_reported_as_two_and_one_edit_is_no_far_one() -> None:
    store = store_of([general("watch", 40), general("batch", 50)])
    assert search.typos(store, "hatch") == [("batch", 0, 1), ("watch", 1, 1)]
    assert search.typos(store, "hatch", far=True) == []
    assert search.typos(store, "watcch", far=True) == [("batch", 0, 2)]
    assert search.typos(store, "wathcc", far=True) == [("watch", 1, 2)]
    assert search.typos(store, "watch") == [("batch", 0, 1)]


@given(
    known=st.lists(names, min_size=1, max_size=120, unique=True),
    prefix=st.text(alphabet="abc_", min_size=1, max_size=3),
)
def test_completions_are_the_most_common_names_with_that_beginning(known: list[str], prefix: str) -> None:
    store = store_of([general(name, len(known) - i) for i, name in enumerate(known)])
    expected = [name for name in known if name.startswith(prefix)][:10]
    assert [text for text, _ in search.complete(store, prefix)] == expected


@pytest.fixture(scope="module")
def reference(shared: Path) -> Iterator[Vocabulary]:
    path = shared / "data/danbooru_2025-09-24_pt20_tagcomplete.csv.gz"
    entries = []
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.reader(stream):
            kind, section = CATEGORIES[row[1]]
            aliases = tuple(alias for alias in row[3].split(",") if alias) if len(row) > 3 else ()
            entries.append(Entry(row[0], kind, section, int(row[2]), aliases))
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "vocabulary.sqlite"
        build(store, entries)
        yield Vocabulary(connection=open_store(store))


def test_a_thousand_misspelled_names_of_the_reference_list_are_found(reference: Vocabulary) -> None:
    generator = random.Random(5)
    known = [entry.name for entry in reference.entries()[:60_000] if len(entry.name) >= 4]
    first = five = 0
    for _ in range(1000):
        name = generator.choice(known)
        wrong = name
        while wrong == name:
            for _ in range(generator.choice((1, 2))):
                wrong = _edited(wrong, generator)
        near = [match.entry.name for match in reference.search(wrong, limit=5)]
        first += near[:1] == [name]
        five += name in near
    assert first >= 850
    assert five >= 950


def _edited(word: str, generator: random.Random) -> str:
    place = generator.randrange(len(word))
    letter = generator.choice("abcdefghijklmnopqrstuvwxyz_")
    swapped = word[:place] + word[place + 1 : place + 2] + word[place] + word[place + 2 :]
    return generator.choice(
        (
            word[:place] + word[place + 1 :],
            word[:place] + letter + word[place:],
            word[:place] + letter + word[place + 1 :],
            swapped,
        )
    )


def test_names_in_japanese_chinese_and_korean_are_found_whole_names_first_and_are_no_aliases() -> None:
    packs = Vocabulary.from_folder(data_folder())
    assert packs.search("初音ミク", limit=1)[0].entry.name == "hatsune_miku"
    assert packs.search("魔法少女", limit=1)[0].entry.name == "magical_girl"
    assert packs.search("마법소녀", limit=1)[0].entry.name == "magical_girl"
    assert "hatsune_miku" in [match.entry.name for match in packs.search("初音", limit=20)]
    assert packs.lookup("初音ミク") is None
    assert packs.lookup("hatsune_miku").other_names  # type: ignore[union-attr]
