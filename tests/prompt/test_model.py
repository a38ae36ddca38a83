"""Facts about the frozen prompt and its edits."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal

import pytest
import yaml
from hypothesis import example, given

from anima_prompt import Prompt, PromptError, Section, Sentence, Tag
from anima_prompt.prompt.tag import exact
from tests.strategies import any_texts, prompts

PROMPT = Prompt.parse(
    "masterpiece, safe, 1girl, hatsune miku, vocaloid, @wlop, smile, (night:1.5)", negative="blurry, lowres"
)


@given(prompt=prompts())
def test_text_and_back_is_the_same_prompt(prompt: Prompt) -> None:
    negative = prompt.negative.to_text() if prompt.negative is not None else None
    assert Prompt.parse(prompt.to_text(), negative=negative) == prompt


@given(prompt=prompts())
def test_mappings_json_and_yaml_hold_a_prompt_without_loss(prompt: Prompt) -> None:
    data = prompt.to_dict()
    assert Prompt.from_dict(data) == prompt
    assert Prompt.from_dict(json.loads(json.dumps(data))) == prompt
    assert Prompt.from_dict(yaml.safe_load(yaml.safe_dump(data, allow_unicode=True))) == prompt


@given(text=any_texts)
@example(",# note")
@example("\u3002\u201c")
@example("embedding:0:0embedding:0")
def test_a_mapping_holds_whatever_was_read(text: str) -> None:
    prompt = Prompt.parse(text)
    assert Prompt.from_dict(json.loads(json.dumps(prompt.to_dict()))) == prompt


@given(prompt=prompts())
def test_sections_are_printed_in_the_models_order(prompt: Prompt) -> None:
    order = list(Section)
    places = [order.index(section) for section, _ in prompt.tags()]
    assert places == sorted(places)


@given(prompt=prompts())
def test_swapping_twice_changes_nothing(prompt: Prompt) -> None:
    beside = prompt.negative or Prompt(role="negative")
    assert prompt.swapped().swapped() == dataclasses.replace(prompt, negative=beside)


def test_a_prompt_is_frozen_hashable_and_comparable() -> None:
    assert hash(PROMPT) == hash(Prompt.parse(PROMPT.to_text(), negative="blurry, lowres"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        PROMPT.quality = ()  # type: ignore[misc]


def test_a_negative_prompt_knows_its_role() -> None:
    assert PROMPT.role == "positive"
    assert PROMPT.negative is not None
    assert PROMPT.negative.role == "negative"
    with pytest.raises(PromptError, match="cannot have a negative prompt of its own"):
        Prompt(role="negative", negative=Prompt())


def test_add_finds_the_section_and_leaves_the_old_prompt_alone() -> None:
    added = PROMPT.add("kasane teto").add("my style", section="artist").add("rain", weight="1.30", index=0)
    assert [t.text for t in added.character] == ["hatsune miku", "kasane teto"]
    assert [t.text for t in added.artist] == ["@wlop", "@my style"]
    assert added.general[0] == Tag("rain", Decimal("1.30"))
    assert len(PROMPT.character) == 1


def test_remove_replace_weight_and_move_find_a_tag_in_any_spelling() -> None:
    assert PROMPT.remove("Hatsune_Miku").character == ()
    assert PROMPT.replace("night", "day").general == (Tag("smile"), Tag("day", Decimal("1.5")))
    assert PROMPT.replace("night", "day", weight=1).general[1].weight == 1
    assert PROMPT.set_weight("WLOP", "0.80").artist == (Tag("@wlop", Decimal("0.80")),)
    assert [t.text for t in PROMPT.move("night", index=0).general] == ["night", "smile"]
    assert [t.text for t in PROMPT.move("smile", section="quality").quality] == ["masterpiece", "smile"]


@pytest.mark.parametrize("edit", ["remove", "move"])
def test_editing_a_tag_that_is_not_there_says_what_is(edit: str) -> None:
    with pytest.raises(PromptError, match="there is no tag 'hat' in the prompt; it contains masterpiece, safe"):
        getattr(PROMPT, edit)("hat")


def test_a_section_can_be_set_as_a_whole() -> None:
    assert PROMPT.with_section("general", ["a", Tag("b")]).section("general") == (Tag("a"), Tag("b"))
    with pytest.raises(PromptError, match="section is 'genral'; expected one of dataset, quality"):
        PROMPT.with_section("genral", [])
    with pytest.raises(PromptError, match="contains sentences"):
        PROMPT.section("text")


def test_merging_adds_what_is_missing_and_repeats_nothing() -> None:
    other = Prompt.parse("masterpiece, smile, rain. It rains on the town.", negative="lowres, text")
    merged = PROMPT.merge(other)
    assert [t.text for t in merged.general] == ["smile", "night", "rain"]
    assert len(merged.quality) == 1
    assert merged.sentences == other.sentences
    assert merged.negative is not None
    assert merged.negative.to_text() == "lowres, blurry, text"


def test_terms_move_between_positive_and_negative() -> None:
    moved = PROMPT.to_negative("night", "smile")
    assert moved.general == ()
    assert moved.negative is not None
    assert moved.negative.find("night") == (Section.GENERAL, Tag("night", Decimal("1.5")))
    assert moved.to_positive("smile", "night").find("smile") is not None
    with pytest.raises(PromptError, match="there is no tag 'hat'"):
        PROMPT.to_negative("hat")


def test_sentences_about_a_character_are_found_by_name() -> None:
    prompt = Prompt.parse("2girls, fern \\(sousou no frieren\\). Fern waves at the crowd. It rains on the town.")
    assert [s.text for s in prompt.sentences_about(prompt.character[0])] == ["Fern waves at the crowd."]
    assert prompt.sentences_about("hatsune miku") == ()
    assert prompt.sentences_about("ai") == ()  # not in 'rains'
    assert prompt.sentences_about("(nobody)") == ()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Tag("  "), "a tag is empty"),
        (lambda: Tag("a, b"), "contains a comma"),
        (lambda: Tag("a", Decimal("NaN")), "expected a finite number"),
        (lambda: Tag.of("a", "heavy"), "weight is 'heavy'; expected a finite number"),
        (lambda: exact(float("inf")), "weight is 'inf'"),
        (lambda: Sentence(" "), "a sentence is empty"),
        (lambda: Sentence("a\nb"), "contains a line break"),
        (lambda: Prompt(dataset=(Tag("ye-pop"), Tag("deviantart"))), "more than one dataset tag"),
        (lambda: Prompt.from_dict({"genral": []}), "key 'genral' is unknown"),
        (lambda: Prompt.from_dict({"general": 3}), "'general' is 3; expected a list"),
        (lambda: Prompt.from_dict({"general": [3]}), "'general' contains 3"),
        (lambda: Prompt.from_dict({"general": [{"text": "a", "weigth": 1}]}), "key 'weigth' is unknown"),
        (lambda: Prompt.from_dict({"sentences": [{"text": "A.", "place": "between"}]}), "place is 'between'"),
        (lambda: Prompt.from_dict({"negative": {"negative": {}}}), "cannot have a negative prompt"),
        (lambda: Prompt.from_dict([]), "expected a mapping"),  # type: ignore[arg-type]
    ],
)
def test_bad_values_are_named(make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PromptError, match=message.replace("(", "\\(")):
        make()


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("long_hair", "long hair"),
        ("  long   hair ", "long hair"),
        ("fern (sousou no frieren)", "fern \\(sousou no frieren\\)"),
        ("fern \\(sousou no frieren\\)", "fern \\(sousou no frieren\\)"),
        ("score_7", "score_7"),
        ("^_^", "^_^"),
        (">:(", ">:\\("),
        ("@my_lora", "@my_lora"),
    ],
)
def test_a_tag_is_spelled_canonically_when_it_is_made(written: str, text: str) -> None:
    assert Tag(written).text == text
    assert Tag(Tag(written).text) == Tag(written)


def test_artists_get_their_marker_in_a_mapping() -> None:
    prompt = Prompt.from_dict({"artist": ["shinkawa_youji", "@wlop", {"text": "my_lora", "weight": 0.5}]})
    assert prompt.to_text() == "@shinkawa youji, @wlop, (@my_lora:0.5)"
