"""What a specification may say, and the line that a wrong one gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anima_infer.training.spec.reader import parse_spec, read_spec, spec_from_dict, value_at
from anima_prompt.errors import PromptFileError

SMALLEST: dict[str, dict[str, Any]] = {
    "data": {"folders": {"path": "images"}},
    "output": {"folder": "out"},
    "schedule": {"steps": 10},
}


def with_options(**sections: Any) -> dict[str, Any]:
    merged: dict[str, dict[str, Any]] = {key: dict(value) for key, value in SMALLEST.items()}
    for section, options in sections.items():
        merged[section] = {**merged.get(section, {}), **options}
    return merged


def test_the_smallest_specification_has_the_authors_defaults() -> None:
    spec = spec_from_dict(SMALLEST)
    assert (spec.method.kind, spec.method.rank, spec.method.alpha, spec.optimizer.rate) == ("lora", 32, 0, 2e-5)
    assert (spec.timesteps.method, spec.data.captions.dropout) == ("sigmoid", 0.1)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "train.yaml"
    file.write_text("data: {folders: [{path: a}, {path: /b}]}\noutput: {folder: out}\nschedule: {epochs: 2}\n")
    spec = read_spec(file)
    assert [folder.path for folder in spec.data.folders] == [tmp_path / "a", Path("/b")]
    assert spec.output.folder == tmp_path / "out"


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"optimzer": {}}, "key 'optimzer' is unknown in the specification; did you mean 'optimizer'?"),
        ({"method": {"kind": "dora"}}, "method.kind is 'dora'; expected one of lora, loha, lokr, full"),
        ({"method": {"rank": 0}}, "method.rank is 0; expected a number at least 1"),
        ({"method": {"rank": 1.5}}, "method.rank is '1.5'; expected a whole number"),
        ({"timesteps": {"scale": 0}}, "timesteps.scale is 0; expected a number above 0"),
        ({"data": {"captions": {"dropout": 1.5}}}, "data.captions.dropout is 1.5; expected a number from 0 to 1"),
        ({"data": {"step": 40}}, "data.step is 40; expected a multiple of 16"),
        ({"schedule": {"epochs": 2}}, "schedule has both steps and epochs; set one of them"),
        ({"optimizer": {"betas": [0.9]}}, "optimizer.betas has 1 values; expected two"),
        (
            {"method": {"factor": 4}},
            "method.factor has no effect with method.kind 'lora'; remove it, or set method.kind to lokr",
        ),
        ({"method": {"kind": "loha", "dropout": 0.1}}, "method.dropout has no effect with method.kind 'loha'"),
        ({"method": {"kind": "full", "rank": 4}}, "method.rank has no effect with method.kind 'full'"),
        ({"method": {"rates": {"mlp": 1e-5}}}, "method.rates has no effect with method.kind 'lora'"),
        (
            {"method": {"kind": "full", "rounding": "stochastic"}},
            "method.rounding has no effect with method.storage 'fp32'",
        ),
        ({"timesteps": {"shift": 3}}, "timesteps.shift has no effect with timesteps.method 'sigmoid'"),
        ({"timesteps": {"weighting": "mode"}}, "has no effect with timesteps.method 'sigmoid'; set that to sigma"),
        ({"loss": {"threshold": 0.2}}, "loss.threshold has no effect with loss.distance 'l2'"),
        ({"data": {"captions": {"variants": 3}}}, "data.captions.variants has no effect: all variants would be equal"),
        ({"data": {"captions": {"keep": 3}}}, "data.captions.keep has no effect without shuffle or tag_dropout"),
        ({"previews": {"every": 5}}, "previews.every has no effect without previews.prompts"),
        ({"validation": {"every": 5}}, "validation.every has no effect without validation.folder"),
        ({"output": {"keep": 2}}, "output.keep has no effect without output.save_every"),
        ({"output": {"format": "peft"}, "method": {"kind": "lokr"}}, "output.format is 'peft', which has no lokr"),
        (
            {"optimizer": {"fused_backward": True}, "method": {"kind": "full", "storage": "bf16"}},
            "optimizer.fused_backward frees gradients at once; set optimizer.clip to 0",
        ),
        ({"model": {"attention": "sage"}}, "model.attention is 'sage'; expected one of auto, torch, flash"),
    ],
)
def test_wrong_specifications(sections: dict[str, Any], message: str) -> None:
    options = with_options(**sections)
    options["data"]["folders"] = {"path": "images"}
    with pytest.raises(PromptFileError, match=r"train\.json:1:\d+: ") as caught:
        spec_from_dict(options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "contains 0 documents; expected one mapping"),
        ("- a", "the specification is a list; expected a mapping"),
        ("data: {folders: []}\noutput: {folder: o}\nschedule: {steps: 1}", "data.folders is empty"),
        ("output: {folder: o}", "missing in the specification: data (images and captions)"),
        ("data: {folders: {path: a}}\noutput: {folder: }", "output.folder is empty; folder of results"),
    ],
)
def test_texts_that_are_no_specification(text: str, message: str) -> None:
    with pytest.raises(PromptFileError) as caught:
        parse_spec(text, "train.yaml")
    assert message in str(caught.value)


def test_options_may_be_given_where_they_have_an_effect() -> None:
    spec = spec_from_dict(
        with_options(
            method={"kind": "lokr", "factor": 4, "targets": {"rules": {"match": ".*mlp.*", "rank": 8}}},
            timesteps={"method": "sigma", "weighting": "mode", "mode_scale": 1.0, "shift": 3},
            loss={"distance": "huber", "threshold": 0.2},
        )
    )
    assert value_at(spec, "method.targets.rules")[0].rank == 8
    assert spec.method.factor == 4
