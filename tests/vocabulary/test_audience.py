"""Facts about what the packs leave out: names with an adult meaning, in any script, and tags in explicit company."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from anima_prompt import Vocabulary
from anima_prompt.vocabulary import PACKS, data_folder, read_pack
from tests.audience import (
    DECLARED,
    FOLDER,
    TITLES,
    Company,
    adult_tags,
    digest,
    explicit_tags,
    implied_explicit,
    listed_parts,
    measure,
    only_explicit_imply,
    pack_rows,
    pack_texts,
    parts,
    read_allowed,
    read_co_occurrences,
    read_company,
    read_hashes,
)

ROOT = Path(__file__).resolve().parents[2]
LISTED = read_hashes("listed.txt")
ALLOWED = read_allowed()
MEASURED = read_company()
ROWS = pack_rows((*DECLARED, *TITLES))
NAMES = {entry.name for pack in PACKS for entry in read_pack(pack, data_folder())}


def test_no_name_alias_or_other_name_has_a_listed_word() -> None:
    found = {
        (place, text): stopped
        for place, texts in pack_texts().items()
        for text in texts
        if ("word", text) not in ALLOWED and (stopped := listed_parts(text, LISTED))
    }
    assert found == {}, "remove the name, or add an entry with a reason to tests/golden/audience/allowed.csv"


@pytest.mark.parametrize(
    "name",
    ["afterglow", "flashing", "lipstick_ring", "symmetrical_docking", "twitter_strip_game"],
)
def test_a_name_with_a_hidden_meaning_stays_out(name: str) -> None:
    assert listed_parts(name, LISTED)
    assert name not in Vocabulary.default()
    assert all(name not in texts for texts in pack_texts().values())


@pytest.mark.parametrize(
    "hashes",
    [
        pytest.param("8dd4fac0d9820a0b", id="an alias of randoseru"),
        pytest.param("154fb159f406c3e0", id="an alias of slap_mark"),
        pytest.param("809569814733dd54", id="slap_mark"),
        pytest.param("70a9a96c1a3e1421", id="an other name of morning"),
    ],
)
def test_an_alias_that_was_taken_out_is_listed(hashes: str) -> None:
    assert hashes in LISTED
    texts = {text for several in pack_texts().values() for text in several}
    assert hashes not in {digest("name", text) for text in texts}


def test_words_are_found_in_every_script_and_spelling() -> None:
    listed = frozenset({digest("word", "pear"), digest("piece", "桃"), digest("name", "old_oak")})
    assert listed_parts("Green_PEAR-tree", listed) == ["pear"]
    assert listed_parts("spear_(fruit)", listed) == []
    assert listed_parts("白桃の木", listed) == ["桃"]
    assert listed_parts("old_oak", listed) == ["old_oak"]
    assert listed_parts("very_old_oak", listed) == []


def test_no_name_uses_slang_for_children() -> None:
    slang = {"a285e3826937a67d", "84171677c0773a1a", "77061eca2128c59f", "4759aefbc14d61ee"}  # two words, two scripts
    assert slang <= LISTED
    asked = {digest(*part) for texts in pack_texts().values() for text in texts for part in parts(text)}
    assert slang.isdisjoint(asked)


def test_the_list_of_words_holds_hashes_alone() -> None:
    for name in ("listed.txt", "neutral.txt"):
        lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
        assert lines == sorted(set(lines))
        assert all(len(line) == 16 and set(line) <= set("0123456789abcdef") for line in lines)
    assert len(LISTED) > 1000


def test_every_row_was_measured_and_nothing_else() -> None:
    assert set(MEASURED) == set(ROWS), "run 'python scripts/check_audience.py REFERENCE --update'"
    assert list(MEASURED) == sorted(MEASURED)


def test_no_row_stands_beside_explicit_tags_in_a_third_of_its_posts() -> None:
    assert [name for name, company in MEASURED.items() if company.is_out] == []


def test_a_row_in_mixed_company_has_a_reviewed_reason() -> None:
    declared = pack_rows(DECLARED)
    assert [
        (name, company)
        for name, company in MEASURED.items()
        if name in declared and company.needs_review and ("meaning", name) not in ALLOWED
    ] == []


def test_what_is_allowed_exists_and_says_why() -> None:
    with (FOLDER / "allowed.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["gate", "name", "reason"]
    assert [row[:2] for row in rows[1:]] == sorted(row[:2] for row in rows[1:])
    assert len(ALLOWED) == len(rows) - 1
    texts = {text for several in pack_texts().values() for text in several}
    for (gate, name), reason in ALLOWED.items():
        assert gate in ("meaning", "word"), name
        assert len(reason) >= 8, name
        assert not listed_parts(reason, LISTED), name
        assert name in (NAMES if gate == "meaning" else texts | {"naked"}), name


def test_the_thresholds_are_those_of_the_page_on_the_data() -> None:
    assert (Company(19.9, 9.9).needs_review, Company(20.0, 0.0).needs_review, Company(0.0, 10.0).needs_review) == (
        False,
        True,
        True,
    )
    assert (Company(100.0, 33.3).is_out, Company(0.0, 33.4).is_out, Company().is_out) == (False, True, False)
    text = (ROOT / "data/README.md").read_text(encoding="utf-8")
    assert "20 %" in text
    assert "10 %" in text
    assert "a third" in text


def test_the_company_is_measured_again(shared: Path) -> None:
    table = read_co_occurrences(shared / "data/danbooru_cooccurrence_min100.tsv.gz")
    explicit = explicit_tags(shared / "data/danbooru_tag_groups_2025-09-24.json.gz", NAMES)
    assert {name: measure(entry, table, explicit) for name, entry in ROWS.items()} == MEASURED


def test_the_words_gate_knows_the_adult_groups_of_the_reference(shared: Path) -> None:
    groups = shared / "data/danbooru_tag_groups_2025-09-24.json.gz"
    unknown = [tag for tag in explicit_tags(groups, NAMES) if digest("name", tag.lower()) not in LISTED]
    assert unknown == []
    assert [tag for tag in sorted(adult_tags(groups) & NAMES) if ("meaning", tag) not in ALLOWED] == []


def test_a_rare_tag_is_judged_by_its_implications(shared: Path) -> None:
    explicit = explicit_tags(shared / "data/danbooru_tag_groups_2025-09-24.json.gz", NAMES)
    path = shared / "data/danbooru_implications_2025-05-01.tsv.gz"
    assert implied_explicit(path, explicit, NAMES) == {}
    assert [name for name in only_explicit_imply(path, explicit, NAMES) if ("meaning", name) not in ALLOWED] == []


def test_suspects_of_the_reference_went_or_have_a_reason(shared: Path) -> None:
    declared = pack_rows(DECLARED)
    rows = (shared / "data/adult_suspects.tsv").read_text(encoding="utf-8").splitlines()
    left = [name for _, name, _ in (row.split("\t") for row in rows) if name in declared]
    assert [name for name in left if ("meaning", name) not in ALLOWED] == []


def test_the_script_names_what_it_needs(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts/check_audience.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "danbooru_cooccurrence_min100.tsv.gz is missing; pass the folder" in done.stderr
