"""Facts about sections, weights and spans of a prompt that was read."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given

from anima_prompt import Prompt, Section, read
from tests.strategies import any_texts

CASES = yaml.safe_load((Path(__file__).parent.parent / "data" / "sections.yaml").read_text(encoding="utf-8"))


def sections(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in read(text).items:
        found.setdefault(item.section.value, []).append(item.text)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["prompt"][:40])
def test_every_tag_of_a_good_prompt_has_its_section(case: dict) -> None:  # type: ignore[type-arg]
    reading = read(case["prompt"])
    assert not reading.diagnostics
    assert sections(case["prompt"]) == case["sections"]


def test_the_clean_prompts_have_every_tag_in_the_right_section(shared: Path) -> None:
    lines = (shared / "data/prompts_clean.jsonl").read_text().splitlines()
    checked = 0
    for line in lines:
        case = json.loads(line)
        assert not read(case["prompt"]).diagnostics
        if "sections" in case:
            assert sections(case["prompt"]) == case["sections"]
            checked += 1
    assert checked >= 25


def test_the_broken_prompts_never_crash_and_are_never_silently_repaired(shared: Path) -> None:
    for line in (shared / "data/prompts_broken.jsonl").read_text().splitlines():
        case = json.loads(line)
        reading = read(case["prompt"])
        names = {d.name for d in reading.diagnostics}
        if not {"paren-unbalanced", "weight-nonfinite"}.isdisjoint(case["expect"]) or "(hat:1,2)" in case["prompt"]:
            assert names & set(case["expect"])
        kept = {c for c in case["prompt"] if c.isalnum()}
        assert kept <= {c for c in reading.prompt.to_text() if c.isalnum()}


@given(text=any_texts)
def test_every_item_is_cut_from_the_source(text: str) -> None:
    for item in read(text).items:
        assert 0 <= item.start < item.end <= len(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@a", ["@a"]),
        ("(@a:1.2)", ["@a"]),
        ("(@a, @b:0.8)", ["@a", "@b"]),
        ("@poco \\(asahi age\\)", ["@poco \\(asahi age\\)"]),
        ("@@ichigo", ["@@ichigo"]),
        ("@_@, >_@, @", []),
    ],
)
def test_an_at_sign_makes_an_artist_in_every_form_but_a_face(text: str, expected: list[str]) -> None:
    assert [tag.text for tag in Prompt.parse(text).artist] == expected


def test_an_explicit_artist_is_one_even_when_the_table_says_otherwise() -> None:
    assert sections("@hatsune miku") == {"artist": ["@hatsune miku"]}


@pytest.mark.parametrize(
    ("dialect", "text", "weights"),
    [
        ("comfyui", "((a:1.2), b)", ["1.2", "1.1"]),
        ("a1111", "((a:1.2), b)", ["1.32", "1.1"]),
        ("comfyui", "((a))", ["1.21"]),
        ("a1111", "[a]", ["0.909091"]),
        ("comfyui", "(a:1.20)", ["1.20"]),
        ("comfyui", "((a:1.2):1.5)", ["1.2"]),
        ("a1111", "((a:1.2):1.5)", ["1.80"]),
    ],
)
def test_nesting_gives_each_front_ends_weight(dialect: str, text: str, weights: list[str]) -> None:
    assert [str(item.weight) for item in read(text, dialect=dialect).items] == weights


def test_plain_text_has_no_markup() -> None:
    reading = read("fern (sousou no frieren), (smile:1.2)", dialect="plain")
    assert [(i.text, i.weight) for i in reading.items] == [
        ("fern \\(sousou no frieren\\)", Decimal(1)),
        ("\\(smile:1.2\\)", Decimal(1)),
    ]


@pytest.mark.parametrize(
    "text",
    ["{red|blue} hair", "__colour__ dress", "[a:b:0.5]", "<lora:x:1>", "embedding:foo", "(long:1.2) hair", "foo (bar)", "foo_(bar)", "(a:nan)", "(a:1,2)"],
)  # fmt: skip
def test_what_has_no_structured_form_is_kept_as_written(text: str) -> None:
    items = read(f"1girl, {text}, smile").items
    assert items[1].text == text
    assert items[1].verbatim is not None


def test_an_unknown_artist_keeps_its_underscores_and_a_known_one_does_not() -> None:
    assert sections("@my_lora_trigger, @shinkawa_youji") == {"artist": ["@my_lora_trigger", "@shinkawa youji"]}


def test_sentences_keep_their_place() -> None:
    prompt = Prompt.parse("Digital anime-style illustration. masterpiece, 1girl. She waves at the crowd. blush, night")
    assert [(s.text, s.place) for s in prompt.sentences] == [
        ("Digital anime-style illustration.", "before"),
        ("She waves at the crowd.", "after"),
    ]
    assert [tag.text for tag in prompt.closing] == ["blush", "night"]
    assert prompt.section(Section.GENERAL) == prompt.closing
