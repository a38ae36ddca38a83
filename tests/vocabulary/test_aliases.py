"""The aliases of the packs are Danbooru's active ones, and none is missing but the reviewed ones."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from anima_prompt import Vocabulary
from anima_prompt.lint import Config, Document, Linter
from anima_prompt.vocabulary import data_folder
from anima_prompt.vocabulary.live_names import is_live_alias
from anima_prompt.vocabulary.packs import PACKS, read_pack

TABLE = Vocabulary.default()
LEAST_POSTS = 20
"""The hashes of aliases cover tags with as many posts; ``ao_haru_ride`` has 4."""
LEFT_OUT = 49
"""Active aliases of packed tags that no pack has: plain English of another meaning, or not for a general audience."""


def test_every_alias_of_a_pack_is_an_active_one() -> None:
    odd = [
        (entry.name, alias)
        for pack in PACKS
        for entry in read_pack(pack, data_folder())
        for alias in entry.aliases
        if not is_live_alias(alias) and entry.post_count >= LEAST_POSTS
    ]
    assert odd == []


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("anime_screencap", "anime_screenshot"),
        ("hires", "highres"),
        ("wip", "unfinished"),
        ("6girls", "6+girls"),
        ("yellow_hair", "blonde_hair"),
        ("raindrops", "water_drop"),
        ("streetlight", "lamppost"),
        ("idolm@ster", "idolmaster"),
        ("pokemon_b&w", "pokemon_bw"),
        ("shielder_(fate/grand_order)", "mash_kyrielight"),
        ("^^", "^_^"),
    ],
)
def test_an_active_alias_leads_to_its_tag(alias: str, name: str) -> None:
    entry = TABLE.lookup(alias)
    assert entry is not None
    assert entry.name == name


@pytest.mark.parametrize("word", ["men", "hit", "contest", "british", "web", "tails", "x", "os", "iv", "animation"])
def test_a_plain_word_is_no_alias(word: str) -> None:
    assert TABLE.lookup(word) is None
    assert list(Linter(Config(select=("tag-alias",))).check(Document(f"1girl, {word}"))) == []


def test_a_misspelled_count_has_one_finding() -> None:
    found = Linter(Config(select=("tag-alias", "count-spelling", "unknown-tag"))).check(
        Document("1girls, 2boy, 7girls")
    )
    assert [d.name for d in found] == ["count-spelling"] * 3


def test_the_packs_have_all_active_aliases_but_the_reviewed_ones(shared: Path) -> None:
    entries = {entry.name: entry for pack in PACKS for entry in read_pack(pack, data_folder())}
    with gzip.open(shared / "data/danbooru_aliases_2025-09-24.tsv.gz", "rt", encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        active = {row["antecedent"]: row["consequent"] for row in rows}
    for name, entry in entries.items():
        for alias in entry.aliases:
            assert active[alias] == name, alias
    missing = [a for a, c in active.items() if c in entries and a not in entries[c].aliases and a not in entries]
    assert len(missing) == LEFT_OUT
