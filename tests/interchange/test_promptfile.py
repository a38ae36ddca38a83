"""Facts about prompt files."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given

from anima_prompt import AnimaPromptError, Prompt, PromptFileError, parse_prompt_file, prompt_schema, read_prompt_file
from tests.strategies import prompts

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "prompts"
SCHEMA = jsonschema.Draft202012Validator(prompt_schema())


def one(text: str) -> Prompt:
    (found,) = parse_prompt_file(text, "x.yaml")
    return found.prompt


@given(prompt=prompts())
def test_yaml_and_json_files_hold_a_prompt_without_loss(prompt: Prompt) -> None:
    data = prompt.to_dict()
    for text, source in (
        (yaml.safe_dump(data, allow_unicode=True), "x.yaml"),
        (json.dumps(data), "x.json"),
        (json.dumps(data, ensure_ascii=False, indent="\t"), "x.json"),
    ):
        (found,) = parse_prompt_file(text, source)
        assert found.prompt == prompt
    SCHEMA.validate(data)


def test_a_profile_fills_only_what_the_file_leaves_out() -> None:
    prompt = one("profile: base-1.0\nquality: [good quality]\ncount: 1girl")
    assert prompt.to_text() == "good quality, safe, 1girl"
    assert prompt.negative is not None
    assert prompt.negative.to_text().startswith("worst quality")
    assert (
        one("profile: base-1.0\nnegative: blurry\ncount: 1girl").negative
        == Prompt.parse("x", negative="blurry").negative
    )
    assert one("profile: base-1.0\nnegative:\ncount: 1girl").negative is None
    assert one("profile: turbo-1.1\ncount: 1girl").negative is None
    assert one("count: 1girl").to_text() == "1girl"


def test_one_text_may_hold_several_tags_and_their_weights() -> None:
    prompt = one(
        'general: "smile, night"\nartist: ["(wlop:1.20)", my_lora, shinkawa_youji]\nmeta:\n- text: highres\n  weight: 0.50'
    )
    assert prompt.to_text() == "(highres:0.50), (@wlop:1.20), @my_lora, @shinkawa youji, smile, night"


def test_structured_texts_are_literal_but_for_dynamic_markup() -> None:
    prompt = one('general: ["fern (sousou no frieren)", "{red|blue} hair", "__hat__", "long_hair", ">:("]')
    assert prompt.to_text() == "fern \\(sousou no frieren\\), {red|blue} hair, __hat__, long hair, >:\\("


def test_a_character_may_ask_for_series_looks_and_a_sentence() -> None:
    prompt = one(
        "character:\n- {text: hatsune_miku, series: true, looks: true, weight: 1.2}\n"
        "- {text: kasane teto, series: utau, where: in the background}\n- my own\ngeneral: smile\nsentences: They laugh."
    )
    assert prompt.to_text() == (
        "(hatsune miku:1.2), kasane teto, my own, vocaloid, utau, aqua eyes, very long hair, aqua hair, twintails, "
        "detached sleeves, smile. In the background is Kasane Teto, with red eyes, red hair, short hair, an ahoge and "
        "detached sleeves. They laugh."
    )


def test_several_prompts_come_from_a_list_or_from_documents() -> None:
    assert [f.name for f in parse_prompt_file("- {name: a, count: 1girl}\n- {count: 1boy}", "set.yaml")] == [
        "a",
        "set-2",
    ]
    assert [f.name for f in parse_prompt_file("count: 1girl\n---\ncount: 1boy", "set.yaml")] == ["set-1", "set-2"]


BAD = [
    ("general: [a]\ngeneral: [b]", "x.yaml:2:1: key 'general' is a duplicate of line 1; remove one of them"),
    ("genral: [a]", "x.yaml:1:1: key 'genral' is unknown in a prompt; did you mean 'general'?"),
    (
        "about: a\nbase: {}\naxes: []",
        "x.yaml:1:1: is a grid's specification, not a prompt; 'anima-infer grid plan FILE'",
    ),
    ("general: {a: 1}", "x.yaml:1:11: key 'a' is unknown in a tag of general; expected one of text, weight, verbatim"),
    ("general: {weight: 1}", "x.yaml:1:10: a tag of general has no 'text'"),
    ("general:\n  - {text: a, weight: heavy}", "x.yaml:2:23: weight is 'heavy'; expected a finite number"),
    ("general:\n  - {text: a, weight: .nan}", "x.yaml:2:23: weight is '.nan'; expected a finite number"),
    ("general: [[a]]", "x.yaml:1:11: a tag of general is a list; expected text"),
    ("general: ''", "x.yaml:1:10: a tag is empty"),
    ("general: null", "x.yaml:1:10: a tag of general is empty; expected text"),
    ("count: [1girl", "x.yaml:1:14: expected ',' or ']', but got '<stream end>'; check the YAML syntax"),
    ("artist: @wlop", "x.yaml:1:9: found character '@' that cannot start any token; put it in quotes, as in \"@wlop\""),
    ("profile: nope", "x.yaml:1:10: profile is 'nope'; expected one of preview"),
    ("character: {text: zzz, looks: true}", "x.yaml:1:12: character 'zzz' is not in the vocabulary"),
    ("character: {text: hatsune miku, looks: 3}", "x.yaml:1:40: looks is '3'; expected true or false"),
    ("- general: smile\n- 3", "x.yaml:2:3: a prompt is '3'; expected a mapping"),
    (
        "general: !!python/object:os.system a",
        "x.yaml:1:10: tag 'tag:yaml.org,2002:python/object:os.system' is not allowed",
    ),
    ("blend: mixed", "x.yaml:1:8: blend is 'mixed'; expected one of tags-first, sentences-first, prefix"),
    ("&a [*a]", "x.yaml:1:1: a prompt is a list; expected a mapping"),
    ("sentences: {text: A., place: between}", "x.yaml:1:30: place is 'between'; expected before or after"),
    ("negative: {negative: x}", "x.yaml:1:12: key 'negative' is unknown in a negative prompt"),
    ("general: {text: a, verbatim: sdxl}", "x.yaml:1:30: dialect is 'sdxl'; expected one of comfyui"),
    ("", "contains no prompt"),
    ("general: [" * 5000, "x.yaml:1:1: nested too deeply"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[text[:30] for text, _ in BAD])
def test_a_bad_file_is_named_with_line_and_column(text: str, message: str) -> None:
    with pytest.raises(AnimaPromptError) as caught:
        parse_prompt_file(text, "x.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"general": ["a"],\n "general": "b"}', "x.json:2:2: key 'general' is a duplicate of line 1"),
        ('{"general": ["a",]}', "x.json:1:18: expecting value; check the JSON syntax"),
        ("[" * 100_000, "nested too deeply"),
        ('{"general": "\\ud83d"}', "contains half a surrogate pair"),
    ],
)
def test_bad_json_is_named_with_line_and_column(text: str, message: str) -> None:
    with pytest.raises(PromptFileError) as caught:
        parse_prompt_file(text, "x.json")
    assert message in str(caught.value)


def test_json_escapes_beyond_the_basic_plane_are_read() -> None:
    (found,) = parse_prompt_file('{"general": "\\ud83d\\ude00"}', "x.json")
    assert found.prompt.to_text() == "\U0001f600"


def test_the_schema_takes_what_the_reader_takes_and_refuses_unknown_keys() -> None:
    jsonschema.Draft202012Validator.check_schema(prompt_schema())
    for path in EXAMPLES.glob("*.yaml"):
        SCHEMA.validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    for text in (
        "genral: [a]",
        "general: {a: 1}",
        "blend: mixed",
        "general: [[a]]",
        "general: {text: a, weight: heavy}",
    ):
        assert not SCHEMA.is_valid(yaml.safe_load(text)), text


def test_the_published_schema_is_the_one_that_the_code_gives() -> None:
    path = Path(__file__).resolve().parents[2] / "docs" / "prompt-file.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == prompt_schema()


def test_every_example_file_is_read() -> None:
    names = [found.name for path in sorted(EXAMPLES.iterdir()) for found in read_prompt_file(str(path))]
    assert names == ["lighthouse", "old_habits", "mage", "mage-turbo", "poster", "two singers"]


def test_a_profile_file_is_found_beside_the_prompt_file_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: turbo-1.1\nprefix: masterpiece")
    (tmp_path / "prompt.yaml").write_text("profile: mine.yaml\ncount: 1girl")
    (found,) = read_prompt_file(str(tmp_path / "prompt.yaml"))
    assert found.prompt.to_text() == "masterpiece, 1girl"


def test_a_text_file_has_its_negative_below_three_hyphens(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\ufeff1girl, smile\r\n---\r\nblurry\r\n", encoding="utf-8")
    (found,) = read_prompt_file(str(path), profile="base-1.0")
    assert found.prompt.to_text() == "masterpiece, best quality, score_7, safe, 1girl, smile"
    assert found.prompt.negative is not None
    assert found.prompt.negative.to_text() == "blurry"
