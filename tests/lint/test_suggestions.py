"""Facts about suggested tags on real prompts: which come, which do not, and what fixes may write."""

from __future__ import annotations

import csv
import gzip
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from anima_prompt import Section, Vocabulary
from anima_prompt.lint import Config, Document, Linter, words
from anima_prompt.lint.words import nearest
from anima_prompt.names import name_to_text
from anima_prompt.vocabulary import Entry
from anima_prompt.vocabulary.live_names import is_live, is_live_alias, is_word
from anima_prompt.vocabulary.store import build, open_store

TABLE = Vocabulary.default()
GUESSES = ("typo", "unknown-tag", "tag-joined", "ambiguous-tag", "artist-typo")
LINTER = Linter(Config(select=(*GUESSES, "tag-alias", "tag-deprecated", "near-duplicate")))
with (Path(__file__).parents[1] / "data/suggestions_judged.csv").open(encoding="utf-8", newline="") as file:
    JUDGED = list(csv.DictReader(file))
"""Texts of 18,899 real prompts for which typo or unknown-tag suggested something, now or before live names were asked.

Each was judged by a person; rows with an adult meaning (13) are left out.
"""

KNOWN_WRONG = {"evenin"}
"""Suggestions that still come although they are judged wrong."""


def messages(text: str, *rules: str) -> list[str]:
    return [d.message for d in LINTER.check(Document(text)) if not rules or d.name in rules]


def fixed(text: str) -> str:
    return LINTER.fix(Document(text), unsafe=True).prompt


def suggests(row: dict[str, str]) -> bool:
    rules = ("typo", "unknown-tag", "tag-alias") if row["verdict"] == "right" else ("typo", "unknown-tag")
    found = messages(row["text"], *rules)
    return any(f"'{row['suggestion']}'" in message for message in found)


def test_the_judgments_are_complete() -> None:
    assert len(JUDGED) >= 390
    assert sum(row["verdict"] == "right" for row in JUDGED) >= 150
    assert {row["verdict"] for row in JUDGED} == {"right", "wrong"}
    assert all(row["reason"] and row["text"] and row["suggestion"] for row in JUDGED)
    assert len({row["text"] for row in JUDGED}) == len(JUDGED)


def test_suggestions_that_were_judged_right_still_come() -> None:
    assert [row["text"] for row in JUDGED if row["verdict"] == "right" and not suggests(row)] == []


def test_suggestions_that_were_judged_wrong_do_not_come() -> None:
    assert {row["text"] for row in JUDGED if row["verdict"] == "wrong" and suggests(row)} == KNOWN_WRONG


def test_no_fix_touches_a_text_whose_suggestion_was_wrong() -> None:
    wrong = [row["text"] for row in JUDGED if row["verdict"] == "wrong"]
    assert [text for text in wrong if fixed(text) != text] == []


def test_fixes_never_rewrite_one_name_into_another() -> None:
    """Misspelled names of persons, series and artists are reported at most."""
    for section in (Section.CHARACTER, Section.SERIES, Section.ARTIST):
        at = "@" if section is Section.ARTIST else ""
        for entry in TABLE.entries(section)[:400]:
            name = entry.trained
            word = max(re.findall(r"[a-z]+", name), key=len, default="")
            if len(word) < 6:
                continue
            wrong = name.replace(word, f"{word[:2]}{word[3:]}")
            if TABLE.lookup(wrong) is None:
                assert fixed(at + name_to_text(wrong)) == at + name_to_text(wrong)


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("1girl, looking at veiwer, smile", "1girl, looking at viewer, smile"),
        ("1girl, umbrela in the rain", "1girl, umbrella in the rain"),
        ("1girl, softlighiting", "1girl, soft lighting"),
        ("1girl, two tone hair", "1girl, two-tone hair"),
        ("1girl, looking-at-viewer", "1girl, looking at viewer"),
        ("1girl, torii gate", "1girl, torii"),
        ("1girl, hands on hips", "1girl, hands on own hips"),
        ("1girl, light brown hair", "1girl, brown hair"),
        ("1girl, uraraka ochako", "1girl, uraraka ochaco"),
    ],
)
def test_what_fixes_write(text: str, new: str) -> None:
    assert fixed(text) == new


@pytest.mark.parametrize(
    "text",
    [
        "slowking, groin, don't, suzumiya haruhiko",
        "hatsune mikuu, genshin imapct",
        "floating islands, windows",
        "wave, ocean",
        "highlights, pattern, root, error",
        "traditional chinese",
        "habit, pilot suit, lights, fur, stone, mouse, naruto",
        "mother \\(game\\), vampire \\(game\\)",
        "@shinkawa yoji, @nobody knwon",
        "mob spawner, professor peppler",
        "racing miku, hatsune miku",
    ],
)
def test_what_fixes_leave(text: str) -> None:
    assert fixed(text) == text


def test_a_typo_of_a_lone_word_is_no_name() -> None:
    assert messages("beautifull", "typo") == ["'beautifull' may be a typo; did you mean 'beautiful'?"]
    assert messages("volumetric lighitng", "typo") == ["'lighitng' may be a typo; did you mean 'lighting'?"]
    assert messages("beatiful detailed eyes", "typo") == ["'beatiful' may be a typo; did you mean 'beautiful'?"]
    for name in ("marione", "filmina", "candycandie", "privategenerat", "gehrman", "beatiful", "kotobuki lighitng"):
        assert messages(name, "typo") == [], name


def test_a_live_alias_a_part_of_a_name_or_a_compound_is_no_typo() -> None:
    for text in ("desutruction", "red sakazaki", "snowmountains", "batgirl", "cattail", "bluesky"):
        assert messages(text, "typo", "unknown-tag", "tag-joined") == [], text
    assert words.near_english("paiting") is None, "painting or plaiting"


def test_a_given_up_name_that_is_in_use_again_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "deprecated", lambda: {"slowking": ("hat",), "quorblesnat": ("hat",)})
    linter = Linter(Config(select=("tag-deprecated",)))
    assert [d.start for d in linter.check(Document("quorblesnat, slowking"))] == [0]


def test_several_tags_as_near_are_both_named_and_none_is_written() -> None:
    table = Vocabulary(
        [Entry(name, "general", Section.GENERAL, 5000) for name in ("1girl", "quorblesnat", "quorblesnit")]
    )
    (found,) = Linter(Config(select=("unknown-tag",)), vocabulary=table).check(Document("quorblesnut"))
    assert found.message == "unknown tag; did you mean 'quorblesnat' or 'quorblesnit'?"
    assert found.fixes == ()


def test_a_tag_is_reported_by_one_of_the_three_rules() -> None:
    for text in ("livingroom", "looking-at-viewer", "two tone hair", "looking at veiwer", "softlighiting", "t shirt"):
        assert len(messages(text, "typo", "unknown-tag", "tag-joined")) == 1, text


# --- ambiguous-tag ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("yamakaze", ["yamakaze \\(kancolle\\)"]),
        ("mouse", ["mouse \\(animal\\)", "mouse \\(computer\\)"]),
        ("star", ["star \\(symbol\\)", "star \\(sky\\)"]),
        ("raven", ["raven \\(animal\\)"]),
    ],
)
def test_an_ambiguous_name_is_offered_its_qualifiers_and_never_rewritten(text: str, offered: list[str]) -> None:
    (found,) = (d for d in LINTER.check(Document(text)) if d.name == "ambiguous-tag")
    assert all(f"'{one}'" in found.message for one in offered)
    assert found.fixes == ()


@pytest.mark.parametrize(
    "text", ["black", "white", "blade", "viper", "deadpool", "leviathan", "chouun", "yuki", "neon"]
)
def test_english_words_live_names_and_artists_are_not_ambiguous(text: str) -> None:
    assert messages(text, "ambiguous-tag") == []


def test_a_thing_of_a_series_or_a_costume_is_not_what_english_means() -> None:
    def entry(name: str, section: Section = Section.GENERAL) -> Entry:
        return Entry(name, "copyright" if section is Section.SERIES else "general", section, 900)

    table = Vocabulary(
        [
            entry("among_us", Section.SERIES),
            entry("naruto_(series)", Section.SERIES),
            entry("dead_body_(among_us)"),
            entry("quiet_(cosplay)"),
            entry("hand_signs_(naruto)"),
            entry("spring_(season)"),
            entry("zanafi_(among_us)"),
        ]
    )
    linter = Linter(Config(select=("ambiguous-tag",)), vocabulary=table)
    found = linter.check(Document("dead body, quiet, hand signs, spring, zanafi"))
    assert [d.message.partition(" is ambiguous")[0] for d in found] == ["'spring'", "'zanafi'"]


# --- artists ------------------------------------------------------------------------------------------------------------


def test_a_live_artist_is_no_typo_of_another() -> None:
    assert messages("@shinkawa yoji", "artist-typo") == ["unknown artist; did you mean '@shinkawa youji'?"]
    table = Vocabulary([Entry("tsunaka", "artist", Section.ARTIST, 5000)])
    linter = Linter(Config(select=("artist-typo",)), vocabulary=table)
    assert linter.check(Document("@tsunakka"))
    assert not linter.check(Document("@tsunako")), "an artist with more than 20 posts"


# --- with an imported list ---------------------------------------------------------------------------------------------


def test_names_of_an_imported_list_are_known_and_may_be_meant(tmp_path: Path) -> None:
    entries = [*TABLE.entries(), Entry("quorblesnat_dance", "general", Section.GENERAL, 700, curated=False)]
    entries.append(Entry("quorblesnit_dance", "general", Section.GENERAL, 2, curated=False))
    build(tmp_path / "v.sqlite", entries)
    linter = Linter(Config(select=GUESSES), vocabulary=Vocabulary(connection=open_store(tmp_path / "v.sqlite")))
    assert linter.check(Document("quorblesnit dance, quorblesnat dance")) == []
    (found,) = linter.check(Document("quorblesnot dance"))
    assert "'quorblesnat dance'" in found.message


def test_an_alias_that_is_a_live_tag_is_not_rewritten() -> None:
    """Lists as they circulate have deleted aliases, some of which are live tags."""
    table = Vocabulary([Entry("horns", "general", Section.GENERAL, 500, ("slowking", "quorblesnat_horn"))])
    linter = Linter(Config(select=("tag-alias",)), vocabulary=table)
    assert linter.check(Document("slowking")) == []
    assert linter.check(Document("quorblesnat horn")) != []


# --- recall ------------------------------------------------------------------------------------------------------------

KINDS = ("drop", "add", "change", "double", "swap")
LEAST = {Section.GENERAL: 0.93, Section.CHARACTER: 0.9, Section.SERIES: 0.9}


def mistyped(word: str, kind: str, generator: random.Random) -> str:
    place = generator.randrange(len(word) - (kind == "swap"))
    letter = generator.choice("abcdefghijklmnopqrstuvwxyz")
    before, after = word[:place], word[place + 1 :]
    return {
        "drop": before + after,
        "add": before + letter + word[place:],
        "change": before + letter + after,
        "double": before + word[place] + word[place:],
        "swap": before + after[:1] + word[place] + after[1:],
    }[kind]


def typos(section: Section, kind: str, count: int) -> Iterator[tuple[str, str]]:
    """Yield misspelled names of common tags, with the names; the misspelling is no live name and no word."""
    generator = random.Random(f"{section} {kind}")
    entries = [e for e in TABLE.entries(section) if e.post_count >= 1000 and e.name.isascii() and "(" not in e.name]
    while count:
        entry = generator.choice(entries)
        words = [word for word in re.findall(r"[a-z]+", entry.name) if len(word) >= 6]
        if not words or len(entry.name) > 50:
            continue
        word = generator.choice(words)
        wrong = mistyped(word, kind, generator)
        name = entry.name.replace(word, wrong, 1)
        if TABLE.lookup(name) is None and not (is_live(name) or is_live_alias(name) or is_word(wrong)):
            count -= 1
            yield name, entry.name


@pytest.mark.parametrize("section", LEAST)
def test_one_letter_wrong_in_a_common_tag_is_found(section: Section) -> None:
    cases = [case for kind in KINDS for case in typos(section, kind, 60)]
    missed = [
        (wrong, right)
        for wrong, right in cases
        if not any(f"'{name_to_text(right)}'" in message for message in messages(name_to_text(wrong)))
    ]
    assert 1 - len(missed) / len(cases) >= LEAST[section], missed


def test_fixing_one_letter_wrong_never_writes_another_tag() -> None:
    for section in LEAST:
        for kind in KINDS:
            for wrong, right in typos(section, kind, 40):
                text = name_to_text(wrong)
                assert fixed(text) in (text, name_to_text(right))


def test_most_real_prompts_have_no_suggestion(shared: Path) -> None:
    """Of 18,899 prompts, all of whose tags somebody used, few have one: there were twice as many, most of them wrong."""
    with gzip.open(shared / "data/corpus_tag_strings_sfw.tsv.gz", "rt", encoding="utf-8", newline="") as file:
        texts = [row[2] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)][1:]
    chosen = random.Random(3).sample(texts, 2000)
    reported = sum(bool(messages(text, "typo", "unknown-tag")) for text in chosen)
    assert reported <= 60


def test_two_edits_count_as_a_misspelling_in_long_words_only() -> None:
    known = frozenset(("umbrella", "bioluminescence"))
    assert nearest("umbrela", known) == "umbrella"
    assert nearest("umrbelal", known) is None, "two edits in eight letters"
    assert nearest("bioluminscnce", known) == "bioluminescence", "two edits in thirteen letters"
    assert nearest("bolumnescnce", known) is None, "three edits"
