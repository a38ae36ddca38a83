"""Facts about implications and exclusive groups."""

from __future__ import annotations

import csv
import gzip
from itertools import combinations
from pathlib import Path

import pytest

from anima_prompt import DataFileError, Prompt, Vocabulary
from anima_prompt.errors import AnimaPromptError, InputError
from anima_prompt.vocabulary import data_folder
from anima_prompt.vocabulary.exclusive import (
    DEPICTIONS,
    EXCLUSIVE,
    MEET_SHARE,
    NEGATIONS,
    RATE_COLUMNS,
    RATES,
    ExclusiveGroup,
    Rate,
    read_rates,
)
from anima_prompt.vocabulary.packs import read_pairs
from anima_prompt.vocabulary.relations import IMPLICATIONS, Conflict, Relations, is_one_person, read_relations

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
        shades = [name for pair in group.shades for name in pair]
        for name in (*group.tags, *group.unless):
            entry = TABLE.lookup(name)
            assert entry is not None, (group.name, name)
            assert entry.name == name, group.name
        assert {*group.direct, *shades} <= set(group.tags), group.name
        assert all(pair == tuple(sorted(pair)) for pair in group.shades), group.name


def test_no_pair_of_tags_is_in_two_groups() -> None:
    groups: dict[frozenset[str], list[str]] = {}
    for group in RELATIONS.groups:
        for pair in combinations(group.tags, 2):
            groups.setdefault(frozenset(pair), []).append(group.name)
    assert [names for names in groups.values() if len(names) > 1] == []


def test_tags_of_several_views_are_known() -> None:
    assert [name for name in sorted(DEPICTIONS) if (entry := TABLE.lookup(name)) is None or entry.name != name] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1girl, red hair, blue hair", ["hair-color"]),
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
        ("1girl, red hair, blue hair, comic", []),
        ("safe, explicit, comic", ["safety"]),
        ("2girls, 1boy, red hair, blue hair", []),
        ("1girl, solo focus, red hair, blue hair", []),
        ("1girl, pinafore dress, long sleeves", []),
        ("1girl, sleeveless, long sleeves", ["sleeves"]),
        ("1girl, black jacket, long sleeves, short sleeves", []),
        ("1girl, barefoot, holding shoes, shoes", []),
        ("1girl, barefoot, boots, unworn boots", []),
        ("1girl, white hair, grey hair", []),
        ("1girl, medium hair, short hair", []),
        ("1girl, bald, long hair", ["bald-with-hair"]),
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
    with pytest.raises(DataFileError, match="'a' implies itself through other tags"):
        Relations([("a", "b"), ("b", "a")], [])


def test_a_pair_that_is_often_found_together_is_no_conflict_unless_chance_would_bring_it_together_far_more_often() -> (
    None
):
    group = ExclusiveGroup("g", ("a", "b", "c"), frozenset())
    often, rare = Rate("a", 100, 2, 0.25, "posts"), Rate("a", 1000, 19, 9.0, "posts")
    avoiding = Rate("a", 100, 11, 0.24, "prompts")
    assert (often.meet, rare.meet, avoiding.meet) == (True, False, False)
    assert Relations([], [group], rates={("a", "b"): often}).conflicts(["b", "a"]) == []
    assert Relations([], [group], rates={("a", "b"): often}).conflicts(["c", "b", "a"]) == [
        Conflict("g", ("c", "b", "a"))
    ]
    (clash,) = Relations([], [group], rates={("a", "b"): rare}).clashes(["b", "a"])
    assert (clash.rate, clash.pair, clash.members) == (rare, ("b", "a"), ("b", "a"))
    (clash,) = Relations([], [group], rates={("a", "b"): often, ("a", "c"): rare}).clashes(["a", "b", "c"])
    assert (clash.pair, clash.rate) == (("a", "c"), rare)


def test_the_nearest_measured_rate_decides() -> None:
    group = ExclusiveGroup("g", ("a", "b"), frozenset())
    often, rare = Rate("a", 100, 50, 2.0, "posts"), Rate("a", 100, 0, 0.0, "posts")
    implied = [("x", "a")]
    assert Relations(implied, [group], rates={("b", "x"): often}).conflicts(["x", "b"]) == []
    assert Relations(implied, [group], rates={("a", "b"): often}).conflicts(["x", "b"]) == []
    both = {("a", "b"): often, ("b", "x"): rare}
    assert Relations(implied, [group], rates=both).conflicts(["x", "b"]) == [Conflict("g", ("x", "b"))]
    assert Relations(implied, [group], rates={("a", "b"): rare, ("b", "x"): often}).conflicts(["x", "b"]) == []


def test_direct_members_and_shades_do_not_clash() -> None:
    direct = ExclusiveGroup("g", ("a", "b"), frozenset(), direct=frozenset("a"))
    assert Relations([("x", "a")], [direct]).conflicts(["x", "b"]) == []
    assert Relations([("x", "a")], [direct]).conflicts(["a", "b"]) == [Conflict("g", ("a", "b"))]
    shades = ExclusiveGroup("g", ("a", "b", "c"), frozenset(), shades=frozenset({("a", "b")}))
    assert Relations([], [shades]).conflicts(["b", "a"]) == []
    assert Relations([], [shades]).conflicts(["b", "c"]) == [Conflict("g", ("b", "c"))]


def test_a_reason_counts_where_a_tag_implies_it() -> None:
    group = ExclusiveGroup("g", ("a", "b"), frozenset("r"))
    assert Relations([("x", "r")], [group]).conflicts(["a", "b", "x"]) == []
    assert Relations([], [group]).conflicts(["a", "b", "x"]) == [Conflict("g", ("a", "b"))]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["1girl"], True),
        (["solo"], True),
        (["1boy", "solo"], True),
        ([], False),
        (["1girl", "1boy"], False),
        (["1girl", "1other"], False),
        (["2girls", "1boy"], False),
        (["1girl", "6+boys"], False),
        (["1girl", "multiple_girls"], False),
        (["1girl", "solo_focus"], False),
        (["1girl", "crowd"], False),
    ],
)
def test_one_person_is_one_count_and_no_sign_of_others(tags: list[str], expected: bool) -> None:
    assert is_one_person(tags) is expected


def test_rates_are_sorted_and_those_of_the_examples_in_the_decisions_hold() -> None:
    rates = read_rates(data_folder())
    assert list(rates) == sorted(rates)
    assert all(rate.rarer in pair for pair, rate in rates.items())
    percent = {pair: round(100 * rate.share, 1) for pair, rate in rates.items()}
    assert percent["autumn", "winter"] == 1.3
    assert percent["sunrise", "sunset"] == 2.5
    assert percent["looking_down", "looking_up"] == 4.2
    assert percent["1girl", "no_humans"] > 7
    assert rates["1girl", "no_humans"].rarer == "no_humans"
    assert not rates["1girl", "no_humans"].meet
    assert not rates["long_hair", "short_hair"].meet
    assert rates["grey_hair", "white_hair"].meet
    assert MEET_SHARE == 0.02


def test_a_rate_is_put_into_words() -> None:
    assert (
        Rate("blue_sky", 2000, 20, 1.0, "posts").describe() == "1.0 % of 2,000 Danbooru posts with 'blue sky' have both"
    )
    assert Rate("blue_sky", 2000, 0, 0.0, "prompts").describe() == "none of 2,000 real prompts with 'blue sky' has both"
    assert (
        Rate("a", 100, 10, 0.2, "prompts").describe() == "in real prompts, together 5 times less often than by chance"
    )


@pytest.mark.parametrize(
    "row",
    [
        "b,a,a,5,1,20,1,posts",
        "a,b,c,5,1,20,1,posts",
        "a,b,a,0,0,0,0,posts",
        "a,b,a,5,6,20,1,posts",
        "a,b,a,5,1,20,x,posts",
        "a,b,a,5,1,20,1,people",
        "a,b,a",
    ],
)
def test_bad_rates_are_named_together(tmp_path: Path, row: str) -> None:
    (tmp_path / "tags").mkdir()
    lines = [",".join(RATE_COLUMNS), "a,b,a,5,1,20.00,1.00,posts", row, row]
    (tmp_path / RATES).write_text("\n".join(lines) + "\n")
    with pytest.raises(DataFileError, match=r"csv:3: expected two sorted names.*\n.*csv:4: "):
        read_rates(tmp_path)
    (tmp_path / RATES).write_text("a,b\n")
    with pytest.raises(DataFileError, match="header is a,b; expected a,b,rarer,of,both,percent,lift,source"):
        read_rates(tmp_path)


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
    (tmp_path / RATES).write_text(",".join(RATE_COLUMNS) + "\n")
    with pytest.raises(AnimaPromptError, match=message):
        read_relations(tmp_path)
    with pytest.raises(DataFileError, match="relations cannot be read"):
        read_relations(tmp_path / "nowhere")


def test_rates_of_posts_agree_with_the_reference(shared: Path) -> None:
    rates = {pair: rate for pair, rate in read_rates(data_folder()).items() if rate.source == "posts"}
    with gzip.open(shared / "data/danbooru_cooccurrence_min100.tsv.gz", "rt", encoding="utf-8") as stream:
        rows = (line.rstrip("\n").split("\t") for line in stream)
        counts = {tuple(sorted(row[:2])): int(row[2]) for row in rows if row[2].isdecimal()}
    assert {pair: rate.both for pair, rate in rates.items()} == {pair: counts[pair] for pair in rates}
    assert counts.get(("1girl", "solo")) is None  # a selection: a pair that is not there is unknown
