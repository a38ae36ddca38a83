"""Lists of the Danbooru API and other sites, and a user's own changes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from anima_prompt.errors import DataFileError
from anima_prompt.vocabulary import Vocabulary
from anima_prompt.vocabulary.user_store import UserStore

TAGS = [
    {"id": 1, "name": "my_new_tag", "post_count": 77, "category": 0, "is_deprecated": False},
    {"id": 2, "name": "some_artist", "post_count": 5, "category": 1, "is_deprecated": False},
    {"id": 3, "name": "old_name", "post_count": 9, "category": 0, "is_deprecated": True},
    {"id": 4, "name": "empty_tag", "post_count": 0, "category": 0, "is_deprecated": False},
]
ALIASES = [
    {"id": 1, "antecedent_name": "hatlike_thing", "consequent_name": "witch_hat", "status": "active"},
    {"id": 2, "antecedent_name": "smile", "consequent_name": "witch_hat", "status": "active"},
    {"id": 3, "antecedent_name": "gone_thing", "consequent_name": "witch_hat", "status": "deleted"},
    {"id": 4, "antecedent_name": "x", "consequent_name": "no_such_tag_at_all", "status": "active"},
]
ARTISTS = [
    {"id": 1, "name": "brush_person", "other_names": ["brushy", "two words"], "is_deleted": False},
    {"id": 2, "name": "gone_person", "other_names": [], "is_deleted": True},
]


@pytest.fixture
def library(tmp_path: Path) -> UserStore:
    return UserStore(tmp_path / "library")


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    """Write rows as the file's name says: a list, lines, packed or not."""
    lines = path.name.split(".")[1] != "json"
    text = "\n".join(map(json.dumps, rows)) if lines else json.dumps(rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["tags.json", "tags.jsonl", "tags.ndjson.gz", "tags.json.gz"])
def test_tags_of_the_api_are_imported_without_deprecated_and_empty_ones(
    library: UserStore, tmp_path: Path, name: str
) -> None:
    found = library.add(written(tmp_path / name, TAGS))
    assert [entry.name for entry in found.entries] == ["my_new_tag", "some_artist"]
    table = Vocabulary.from_store(library)
    assert table.lookup("my_new_tag").post_count == 77  # type: ignore[union-attr]
    assert table.find("@some artist") is not None
    assert library.imports()[0].name == "tags.csv"


def test_aliases_go_to_known_tags_and_never_shadow_a_live_one(library: UserStore, tmp_path: Path) -> None:
    found = library.add(written(tmp_path / "tag_aliases.json", ALIASES))
    table = Vocabulary.from_store(library)
    assert table.lookup("hatlike_thing").name == "witch_hat"  # type: ignore[union-attr]
    assert table.lookup("smile").name == "smile"  # type: ignore[union-attr]
    assert table.lookup("gone_thing") is None
    assert found.warnings == ("2: 'smile' is also a tag; the alias is skipped",)


def test_artists_bring_their_other_names(library: UserStore, tmp_path: Path) -> None:
    library.add(written(tmp_path / "artists.jsonl", ARTISTS))
    table = Vocabulary.from_store(library)
    assert table.lookup("brushy").name == "brush_person"  # type: ignore[union-attr]
    assert table.lookup("gone_person") is None


@pytest.mark.parametrize("name", ["tag_implications.json", "tag_implications.jsonl.gz", "implications.tsv"])
def test_implications_join_those_of_the_packs_and_can_be_forgotten(
    library: UserStore, tmp_path: Path, name: str
) -> None:
    rows = [("very_tall_hat", "witch_hat", "active"), ("a_hat", "b_hat", "deleted")]
    if name.endswith(".tsv"):
        (tmp_path / name).write_text("\n".join(map("\t".join, [("antecedent", "consequent", "status"), *rows])))
    else:
        keys = ("antecedent_name", "consequent_name", "status")
        written(tmp_path / name, [dict(zip(keys, row, strict=True)) for row in rows])
    found = library.add(tmp_path / name)
    assert (found.entries, found.taken) == ((), "1 implication")
    table = Vocabulary.from_store(library)
    assert table.implies("very_tall_hat") == ["witch_hat", "hat"]
    assert "very_tall_hat" in table.implied_by("hat")
    assert table.implies("absurdly_long_hair") == ["very_long_hair", "long_hair"], "the packs' are still there"
    assert table.implies("a_hat") == []
    assert table.conflicts(["1girl", "no_headwear", "very_tall_hat"])[0].group == "no-headwear-or-hat"
    library.remove(name.split(".", maxsplit=1)[0])
    assert Vocabulary.from_store(library).implies("very_tall_hat") == []


def test_tables_of_artists_and_of_tags_are_read(library: UserStore, tmp_path: Path) -> None:
    (tmp_path / "explorer.tsv").write_text(
        "name (as prompted, unescaped)\tworks\tuniqueness\tlive\tcount\nbrush person (x)\t30\t8.9\tlive\t28\n",
        encoding="utf-8",
    )
    (tmp_path / "all.tsv").write_text("my_tag\t0\t12\t0\nold\t0\t9\t1\n", encoding="utf-8")
    library.add(tmp_path / "explorer.tsv")
    library.add(tmp_path / "all.tsv")
    table = Vocabulary.from_store(library)
    assert table.lookup("brush_person_(x)").post_count == 28  # type: ignore[union-attr]
    assert table.lookup("my_tag").post_count == 12  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "[", "is not JSON"),
        ("a.json", "[]", "is empty"),
        ("a.json", '[{"x": 1}]', "has x; expected tags"),
        ("a.jsonl", '{"name": "a", "post_count": 1, "category": 0}\nnonsense', "1 bad row;"),
        ("a.jsonl", '{"name": "a b", "post_count": 1, "category": 0}', "1 bad row;"),
        ("a.jsonl", '{"name": "a\\ud83d", "post_count": 1, "category": 0}', "1 bad row;"),
        ("a.jsonl", '{"name": "a", "post_count": 99999999999999999999, "category": 0}', "expected a whole number"),
        ("a.csv", "a,0,99999999999999999999,", "count is '99999999999999999999'; expected a whole number"),
        ("a.csv", f"a,0,{'9' * 5000},", "expected a whole number"),
        ("a.csv", "a,0,5\r,", "is not a CSV"),
        ("a.tsv", f"a\t0\t{'9' * 200_000}", "field larger than"),
        ("a.json", "[" * 100_000, "is not JSON"),
        ("tag_implications.json", '[{"antecedent_name": "a"}]', "1: is not an implication"),
        (
            "tag_implications.json",
            '[{"antecedent_name": "a", "consequent_name": "b", "status": "deleted"}]',
            "contains no active implications",
        ),
        (
            "tag_implications.json",
            '[{"antecedent_name": "very_long_hair", "consequent_name": "a"},'
            ' {"antecedent_name": "a", "consequent_name": "very_long_hair"}]',
            "implies itself through other tags",
        ),
        ("implications.tsv", "antecedent\tconsequent\tstatus\na\n", "2: is not an implication"),
        ("a.tsv", "a\tb\tc\n", "contains no tags"),
        ("a.json.gz", "not packed", "cannot be read"),
    ],
)
def test_other_content_is_one_line_and_changes_nothing(
    library: UserStore, tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataFileError, match=message):
        library.add(tmp_path / name)
    assert not library.imports()


def test_an_overlay_adds_renames_hides_and_gives_aliases_and_can_be_forgotten(
    library: UserStore, tmp_path: Path
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "name,action,value,category,post_count,aliases\n"
        "my oc,add,,character,3,oc one|oc two\n"
        "witch hat,rename,pointy witch hat,,,\n"
        "smile,hide,,,,\n"
        "long_hair,alias,lange haare,,,\n",
        encoding="utf-8",
    )
    library.add(path)
    table = Vocabulary.from_store(library)
    assert table.lookup("my_oc").section.value == "character"  # type: ignore[union-attr]
    assert table.lookup("oc_two").name == "my_oc"  # type: ignore[union-attr]
    assert table.lookup("witch_hat").name == "pointy_witch_hat"  # type: ignore[union-attr]
    assert table.lookup("smile") is None
    assert table.lookup("lange_haare").name == "long_hair"  # type: ignore[union-attr]
    library.remove("mine")
    assert Vocabulary.from_store(library).lookup("smile") is not None


def test_all_bad_lines_of_an_overlay_are_named_and_nothing_changes(library: UserStore, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("name,action,value\na,delete,\nb,rename,\n,hide,\nc,hide,\n", encoding="utf-8")
    with pytest.raises(DataFileError) as error:
        library.add(path)
    assert [line.split(": ", 1)[1] for line in str(error.value).splitlines()] == [
        "action is 'delete'; expected one of add, rename, hide, alias",
        "rename value is empty; write the other name",
        "name is empty; write the tag",
    ]
    assert library.overlays() == []
