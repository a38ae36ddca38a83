"""Specifications: short forms, axes, values, conditions, layout, and errors with their place."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from anima_infer.errors import GridError
from anima_infer.grid.plan.plan import make_plan
from anima_infer.grid.spec.definition import Spec
from anima_infer.grid.spec.prompt_axes import expand_template
from anima_infer.grid.spec.ranges import numbers_from
from anima_infer.grid.spec.reader import parse_spec, read_spec
from anima_infer.grid.spec.schema import grid_schema
from anima_prompt.errors import PromptFileError
from tests.infer.grid.conftest import BASE, grid_spec

EXAMPLES = Path(__file__).resolve().parents[4] / "examples" / "grids"


def prompts(spec: Spec) -> list[str]:
    return [cell.job.prompt for cell in make_plan(spec).cells]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1-5", "1 2 3 4 5"),
        ("1-5 (+2)", "1 3 5"),
        ("5-1", "5 4 3 2 1"),
        ("0-1 [5]", "0 0.25 0.5 0.75 1"),
        ("0-1 [3]", "0 0.5 1"),
        ("0-0.3 (+0.1)", "0 0.1 0.2 0.3"),
        ("1, 2, ..., 6", "1 2 3 4 5 6"),
        ("1, 2, 5", "1 2 5"),
        ("-1-1", "-1 0 1"),
        ("7", "7"),
    ],
)
def test_short_forms_stand_for_exact_numbers(text: str, numbers: str) -> None:
    assert [str(number) for number in numbers_from(text)] == numbers.split()


@pytest.mark.parametrize("text", ["", "a", "1-", "1-5 (-1)", "1-5 (+0)", "0-1 [1]", "1, ..., 5", "nan", "1-99999999"])
def test_other_forms_are_errors(text: str) -> None:
    with pytest.raises(GridError, match="range is"):
        numbers_from(text)


@given(st.integers(-50, 50), st.integers(1, 40), st.integers(1, 9))
def test_a_stepped_range_holds_its_start_and_never_passes_its_end(first: int, steps: int, tenths: int) -> None:
    last = first + Decimal(tenths) / 10 * steps
    numbers = numbers_from(f"{first}-{last} (+{Decimal(tenths) / 10})")
    assert numbers[0] == first
    assert numbers[-1] == last
    assert len(numbers) == steps + 1


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        ({"section": "artist", "values": ["none", "@wlop"]}, ["red hair", "@wlop, red hair"]),
        ({"section": "text", "values": ["He reads.", ""]}, ["night. He reads.", "witch hat, night"]),
        (
            {"replace": "red hair", "values": ["blue hair", "black hair, smile"]},
            ["blue hair, witch", "black hair, smile, witch"],
        ),
        ({"add": ["smile", "@wlop, rain"]}, ["night, smile", "@wlop, red hair, witch hat, night, rain"]),
        ({"remove": ["night", ["night", "red hair"]]}, ["witch hat. She", "1girl, witch hat. She"]),
        ({"weight": "witch hat", "values": [0, "1.5-2 (+0.5)"]}, ["(witch hat:0)", "(witch hat:1.5)", "(witch hat:2)"]),
        ({"prose": ["on", "off"]}, ["night. She waves.", "witch hat, night"]),
        ({"blend": ["sentences-first"]}, ["She waves. masterpiece"]),
        (
            {"order": [["general", "count"], "text"]},
            ["red hair, witch hat, night, 1girl, masterpiece", "She waves. masterpiece"],
        ),
        ({"search": "red hair", "values": ["red_hair"]}, ["1girl, red_hair"]),
        ({"prompt": ["1girl, smile", {"value": "1boy", "label": "boy"}]}, ["1girl, smile", "1boy"]),
        ({"template": "1girl, {red|blue} hair"}, ["1girl, red hair", "1girl, blue hair"]),
    ],
)
def test_an_axis_changes_the_prompt(axis: dict[str, object], expected: list[str]) -> None:
    made = prompts(grid_spec(axis))
    assert len(made) == len(expected)
    for text, part in zip(made, expected, strict=True):
        assert part in text


def test_an_axis_changes_the_settings() -> None:
    spec = grid_spec(
        {"sampler": ["euler", "heun"]},
        {"cfg": "1-2"},
        {"size": ["64x64", "64x96"]},
        {"zero_star": ["on", "off"]},
        {"negative": ["", "blurry, worst quality"]},
        {"shift": [3, 5.5]},
    )
    jobs = [cell.job for cell in make_plan(spec).cells]
    assert len(jobs) == 64
    assert {job.settings.sampler for job in jobs} == {"euler", "heun"}
    assert {job.settings.guidance.scale for job in jobs} == {1.0, 2.0}
    assert {job.settings.height for job in jobs} == {64, 96}
    assert {job.settings.guidance.zero_star for job in jobs} == {True, False}
    assert {job.negative for job in jobs} == {"", "blurry, worst quality"}
    assert {job.settings.shift for job in jobs} == {3.0, 5.5}


def test_a_value_may_set_several_things_and_none_is_the_baseline() -> None:
    several = {"label": "dark", "add": "rain", "remove": "night", "cfg": 5, "weight": {"witch hat": 2}}
    spec = grid_spec({"name": "look", "values": ["none", several]})
    plain, dark = make_plan(spec).cells
    assert spec.axes[0].baseline == "none"
    assert dark.job.prompt == plain.job.prompt.replace("witch hat, night", "(witch hat:2), rain")
    assert (plain.job.settings.guidance.scale, dark.job.settings.guidance.scale) == (2.0, 5.0)


def test_seeds_make_an_axis_of_pairs_inside_the_rows() -> None:
    spec = grid_spec({"cfg": "1-2"}, {"steps": [1, 2]}, {"shift": [3, 4]}, seeds=3)
    assert [value.label for value in spec.axes[-1].values] == ["5", "6", "7"]
    assert (spec.layout.rows, spec.layout.columns, spec.layout.pages) == (("steps", "seed"), ("cfg",), ("shift",))


def test_conditions_leave_cells_out() -> None:
    axes = ({"cfg": "1-3"}, {"steps": [1, 2]})
    assert len(make_plan(grid_spec(*axes, skip=[{"cfg": ["1", "2"], "steps": 2}])).cells) == 4
    assert len(make_plan(grid_spec(*axes, only=[{"cfg": 1}, {"steps": 2}])).cells) == 4
    with pytest.raises(GridError, match="no cells are left"):
        make_plan(grid_spec(*axes, skip=[{"steps": [1, 2]}]))


def test_prompts_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("# mine\n1girl, smile\n\n1boy, hat\n", encoding="utf-8")
    (tmp_path / "p.yaml").write_text(
        "- {name: a, general: smile, negative: blurry}\n- {general: hat}\n", encoding="utf-8"
    )
    spec = parse_spec(
        "base: {prompt: x}\naxes: [{prompts: p.txt}, {name: second, prompts: p.yaml}]", str(tmp_path / "g.yaml")
    )
    assert [value.label for value in spec.axes[0].values] == ["1girl, smile", "1boy, hat"]
    assert [value.label for value in spec.axes[1].values] == ["a", "p-2"]
    assert {cell.job.negative for cell in make_plan(spec).cells if cell.index[1] == 0} == {"blurry"}


def test_a_structured_base_is_a_prompt_file() -> None:
    spec = grid_spec({"cfg": [1]}, base={"prompt": {"count": "1girl", "general": ["smile"], "quality": "masterpiece"}})
    assert prompts(spec) == ["masterpiece, 1girl, smile"]


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ("{weigth: a, values: [1]}", "2:10: key 'weigth' is unknown in an axis; did you mean 'weight'?"),
        ("{cfg: 1-x}", "2:15: range is '1-x'"),
        ("{steps: [1.5]}", "2:18: a value is '1.5'; expected a whole number"),
        ("{sampler: [eulr]}", "2:20: value is 'eulr'; did you mean 'euler'?"),
        ("{size: [64]}", "2:17: size is '64'; expected width and height"),
        ("{order: [[artist, foo]]}", "section is 'foo'"),
        ("{section: artists, values: [a]}", "2:19: section is 'artists'; expected one of dataset"),
        ("{weight: hat}", "axis 'weight: hat' has no 'values'"),
        ("{cfg: [1], steps: [2]}", "axis changes 'steps' and 'cfg'"),
        ("{cfg: [1, 1]}", "axis 'cfg' has two values labeled '1'"),
        ("{cfg: []}", "axis 'cfg' has no values"),
        ("{cfg: [1, 2], baseline: 3}", "baseline is '3'; expected one of 1, 2"),
        ("{name: look}", "this axis does not say what to change"),
        ("{values: [dark]}", "this value does not say what to change"),
        ("{values: [{value: 3}]}", "'value' needs an axis that says what to change"),
        ("{cfg: [1], values: [2]}", "'values' is not needed here"),
        ("{prompts: nothing.txt}", "nothing.txt"),
        ("{prose: [maybe]}", "value is 'maybe'; expected on or off"),
        ("{loras: ['a.safetensors:x']}", "LoRA strength is 'x'"),
    ],
)
def test_a_wrong_axis_is_one_line_with_its_place(axis: str, message: str) -> None:
    with pytest.raises(PromptFileError) as error:
        parse_spec(f"base: {{prompt: a}}\naxes: [ {axis} ]", "g.yaml")
    assert str(error.value).startswith("g.yaml:2:")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("axes: [{cfg: 1-2}]", "grid has no 'base'"),
        ("base: {prompt: a}", "grid has no 'axes'"),
        ("base: {negative: a}\naxes: [{cfg: 1-2}]", "base has no 'prompt'"),
        ("base: {prompt: a}\naxes: []", "axes is empty"),
        ("base: {prompt: a}\naxes: [{cfg: 1-2}, {cfg: 3-4}]", "two axes have the name 'cfg'"),
        ("base: {prompt: a}\naxes: [{cfg: 1-2}]\nlayout: {rows: steps}", "axis 'steps' is unknown"),
        ("base: {prompt: a}\naxes: [{cfg: 1-2}]\nlayout: {rows: cfg, columns: cfg}", "axis 'cfg' occurs twice"),
        ("base: {prompt: a}\naxes: [{cfg: 1-2}]\nskip: {cfg: 9}", "axis 'cfg' has no value '9'"),
        ("base: {prompt: a}\naxes: [{seed: 1-2}]\nseeds: 3", "there are 'seeds' and an axis"),
        ("base: {prompt: a}\naxes: [{cfg: 1-2}]\nseeds: 0", "seeds is 0"),
        ("base: {prompt: a}\naxes: [{cfg: 1-2}]\nbatch: 0", "batch is 0"),
        ("base: {prompt: a, profile: nope}\naxes: [{cfg: 1-2}]", "nope"),
        ("a: 1\n---\nb: 2", "contains 2 documents"),
    ],
)
def test_a_wrong_grid_is_one_line(text: str, message: str) -> None:
    with pytest.raises(PromptFileError) as error:
        parse_spec(text, "g.yaml")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ({"weight": "no such tag", "values": [1]}, "there is no tag 'no such tag'"),
        ({"search": "nowhere", "values": ["x"]}, "search text 'nowhere' is not in the prompt"),
        ({"lora_strength": "x.safetensors", "values": [1]}, "LoRA 'x.safetensors' is not among the base's LoRAs"),
        ({"size": ["100x100"]}, "width is 100"),
        ({"steps": [0]}, "steps"),
    ],
)
def test_a_change_that_cannot_be_made_names_the_cell(axis: dict[str, object], message: str) -> None:
    with pytest.raises(GridError) as error:
        make_plan(grid_spec({"cfg": [1]}, axis))
    assert message in str(error.value)
    assert "cfg = 1" in str(error.value)


def test_templates_expand_nested_alternatives_in_order() -> None:
    assert [text for text, _ in expand_template("a {b|c {d|e}}")] == ["a b", "a c d", "a b", "a c e"]
    assert expand_template("plain") == [("plain", ())]


def test_the_schema_in_the_documentation_is_the_one_that_the_program_prints() -> None:
    written = Path(__file__).resolve().parents[4] / "docs" / "grid.schema.json"
    assert json.loads(written.read_text(encoding="utf-8")) == grid_schema(), (
        "run: anima-infer grid schema > docs/grid.schema.json"
    )


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_fit_schema_and_reader(path: Path) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), grid_schema())
    assert len(make_plan(read_spec(path)).cells) > 10


def test_the_schema_takes_what_the_reader_takes_and_refuses_what_it_refuses() -> None:
    schema = grid_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    good = """
    base: {prompt: a, cfg: 3, loras: [x.safetensors:0.5]}
    axes:
      - {cfg: 1-3}
      - {weight: a, values: [0, 1.5, {value: 2, label: two}]}
      - {values: [none, {label: dark, add: night, weight: {a: 2}}]}
      - {template: "{a|b}"}
      - {order: [[general, artist]]}
    seeds: 4
    layout: {rows: [cfg, seed], columns: weight a}
    skip: [{cfg: [1, 2]}]
    """
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(yaml.safe_load(good))
    parse_spec(good, "g.yaml")
    for bad in ("axes: []", "base: {prompt: a}\naxes: [{weight: a}]", "base: {prompt: a, x: 1}\naxes: [{cfg: 1}]"):
        assert not validator.is_valid(yaml.safe_load(bad))
    assert BASE["prompt"]
