"""Facts about implications and exclusive groups."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from anima_prompt import DataFileError, Prompt, Vocabulary
from anima_prompt.errors import AnimaPromptError, InputError
from anima_prompt.vocabulary import data_folder
from anima_prompt.vocabulary.packs import read_pairs
from anima_prompt.vocabulary.relations import (
    EXCLUSIVE,
    IMPLICATIONS,
    NEGATIONS,
    Conflict,
    ExclusiveGroup,
    Relations,
    read_relations,
)

RELATIONS = Relations.default()
TABLE = Vocabulary.default()


def conflicts(text: str) -> list[str]:
    return [c.group for c in RELATIONS.conflicts([tag.name for _, tag in Prompt.parse(text).tags()])]


def rows() -> list[list[str]]:
    with (data_folder() / IMPLICATIONS).open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))[1:]


def test_implications_are_sorted_unique_and_between_packed_tags() -> None:
    assert rows() == sorted(rows())
    assert len({tuple(row) for row in rows()}) == len(rows())
    assert [name for row in rows() for name in row if TABLE.lookup(name) is None] == []


def test_implications_agree_with_the_reference(shared: Path) -> None:
    with gzip.open(shared / "data/danbooru_implications_2025-05-01.tsv.gz", "rt", encoding="utf-8") as stream:
        active = {tuple(line.rstrip("\n").split("\t")[:2]) for line in stream if line.rstrip("\n").endswith("active")}
    assert {tuple(row) for row in rows()} <= active


def test_groups_are_at_least_sixty_named_once_and_made_of_known_tags() -> None:
    assert len(RELATIONS.groups) >= 60
    assert len({group.name for group in RELATIONS.groups}) == len(RELATIONS.groups)
    for group in RELATIONS.groups:
        assert len(set(group.tags)) == len(group.tags) >= 2, group.name
        unknown = [name for name in (*group.tags, *group.unless) if TABLE.lookup(name) is None]
        assert unknown == [], group.name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1girl, red hair, blue hair", ["hair-colour"]),
        ("1girl, red hair, blue hair, multicolored hair", []),
        ("2girls, red hair, blue hair", []),
        ("1girl, 1boy, red hair, blue hair", []),
        ("red hair, blue hair", []),
        ("from above, from below", ["camera-height"]),
        ("from above, from below, multiple views", []),
        ("1girl, long hair, very long hair", []),
        ("1girl, short hair, very long hair", ["hair-length"]),
        ("indoors, outdoors", ["place"]),
        ("indoors, outdoors, window", []),
        ("day, night", ["time-of-day"]),
        ("safe, explicit", ["safety"]),
        ("1girl, open mouth, closed mouth", ["mouth"]),
        ("1girl, portrait, upper body", []),
        ("1girl, no headwear, hat", ["no-headwear-or-hat"]),
        ("1girl, no headwear, witch hat", ["no-headwear-or-hat"]),
        ("2girls, no headwear, witch hat", []),
        ("1girl, no shoes, socks", []),
        ("1girl, bare legs, pantyhose", ["bare-legs-or-pantyhose"]),
        ("1girl, faceless, smile", ["faceless-or-smile"]),
        ("no humans, 1girl", ["nobody-girl"]),
        ("solo, 2girls", ["one-or-many"]),
        ("1girl, blue eyes, red eyes, heterochromia", []),
        ("1girl, smile, red hair, blue eyes, school uniform, outdoors, day, blue sky, standing", []),
    ],
)
def test_conflicts_are_found_and_exceptions_respected(text: str, expected: list[str]) -> None:
    assert conflicts(text) == expected


def test_the_good_prompts_have_no_conflict(shared: Path) -> None:
    import json

    for line in (shared / "data/prompts_clean.jsonl").read_text().splitlines():
        assert conflicts(json.loads(line)["prompt"]) == []


def test_negations_are_sorted_and_between_packed_tags_and_imply_nothing_of_what_they_deny() -> None:
    pairs = read_pairs(data_folder() / NEGATIONS, ("name", "denies"))
    assert pairs == sorted(pairs)
    for name, denied in pairs:
        tags = denied.split("|")
        assert tags == sorted(set(tags)), name
        assert [tag for tag in (name, *tags) if TABLE.lookup(tag) is None or TABLE.lookup(tag).name != tag] == [], name  # type: ignore[union-attr]
        assert not set(RELATIONS.implies(name)) & set(tags), name


def test_the_vocabulary_answers_for_its_relations() -> None:
    prompt = Prompt.parse("1girl, no headwear, beret")
    assert [c.tags for c in TABLE.conflicts(prompt)] == [("no_headwear", "beret")]
    assert TABLE.conflicts(["1girl", "smile"]) == []
    with pytest.raises(InputError, match="is the text '1girl, smile'; expected a Prompt or names"):
        TABLE.conflicts("1girl, smile")
    assert TABLE.implies("absurdly_long_hair") == RELATIONS.implies("absurdly_long_hair")
    assert TABLE.character("hatsune miku").series == "vocaloid"  # type: ignore[union-attr]
    assert TABLE.character("long hair") is None


def test_implications_are_followed_to_the_end_in_both_directions() -> None:
    chain = Relations([("a", "b"), ("b", "c"), ("x", "c")], [])
    assert chain.implies("a") == ["b", "c"]
    assert chain.implied_by("c") == ["b", "x", "a"]
    assert chain.implies("c") == []


def test_a_circle_is_an_error() -> None:
    with pytest.raises(DataFileError, match="'a' implies itself by way of others"):
        Relations([("a", "b"), ("b", "a")], [])


def test_implied_tags_do_not_clash() -> None:
    group = ExclusiveGroup("g", ("a", "b", "c"), frozenset())
    assert Relations([("a", "b")], [group]).conflicts(["a", "b"]) == []
    assert Relations([], [group]).conflicts(["c", "a", "c"]) == [Conflict("g", ("c", "a"))]


@pytest.mark.parametrize(
    ("implications", "exclusive", "negations", "message"),
    [
        ("name,implied\n", "[]", "name,denies\n", "expected name,implies"),
        ("", "[]", "name,denies\n", "header is missing; expected name,implies"),
        ("name,implies\na\nb,\n", "[]", "name,denies\n", "csv:2: expected name and implies\n.*csv:3: expected"),
        ("name,implies\n", "[]", "name,denys\n", "header is name,denys; expected name,denies"),
        (
            "name,implies\n",
            "- {name: a, tgs: []}",
            "name,denies\n",
            "key 'tgs' is unknown in a group; did you mean 'tags'",
        ),
    ],
)
def test_damaged_files_are_named(
    tmp_path: Path, implications: str, exclusive: str, negations: str, message: str
) -> None:
    (tmp_path / "tags").mkdir()
    (tmp_path / NEGATIONS).write_text(negations)
    (tmp_path / IMPLICATIONS).write_text(implications)
    (tmp_path / EXCLUSIVE).write_text(exclusive)
    with pytest.raises(AnimaPromptError, match=message):
        read_relations(tmp_path)
    with pytest.raises(DataFileError, match="relations cannot be read"):
        read_relations(tmp_path / "nowhere")
