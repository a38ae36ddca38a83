"""Facts about the ComfyUI workflows that we write: nodes exist, links fit, and every setting is in them or refused."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anima_prompt.dialects import Dialect
from anima_prompt.interchange.generation import ApgSettings, FileNames, Generation, LoraEntry, StartFiles
from anima_prompt.interchange.workflow import (
    WorkflowError,
    catalog,
    catalog_from,
    check_workflow,
    read_workflow,
    write_workflow,
)
from anima_prompt.interchange.workflow.catalog import compact, load_catalog
from anima_prompt.interchange.workflow.texts import to_comfyui
from anima_prompt.syntax import weighted_segments

FILES = FileNames("anima-base-v1.0.safetensors", "qwen_3_06b_base.safetensors", "qwen_image_vae.safetensors")
PLAIN = Generation("1girl, (hat:1.2)", "blurry", 7, 832, 1216, 30, "er_sde", "simple", 4.5, FILES)


def nodes_of(generation: Generation) -> dict[str, dict[str, Any]]:
    """Return the written nodes by class; several of a class by number."""
    found: dict[str, dict[str, Any]] = {}
    for node in write_workflow(generation).nodes.values():
        kind = node["class_type"]
        name = kind if kind not in found else f"{kind} {sum(key.split()[0] == kind for key in found) + 1}"
        found[name] = node["inputs"]
    return found


# Each setting: a value that is not the plain one, and where it stands: (node, input, value), or part of the refusal.
SETTINGS: dict[str, tuple[Any, Any]] = {
    "prompt": ("2girls", ("CLIPTextEncode", "text", "2girls")),
    "negative": ("worst quality", ("CLIPTextEncode 2", "text", "worst quality")),
    "seed": (8, ("KSampler", "seed", 8)),
    "width": (1024, ("EmptyLatentImage", "width", 1024)),
    "height": (1024, ("EmptyLatentImage", "height", 1024)),
    "steps": (12, ("KSampler", "steps", 12)),
    "sampler": ("euler_ancestral", ("KSampler", "sampler_name", "euler_ancestral")),
    "scheduler": ("beta", ("KSampler", "scheduler", "beta")),
    "guidance_scale": (5.0, ("KSampler", "cfg", 5.0)),
    "files": (replace(FILES, dit="x.safetensors"), ("UNETLoader", "unet_name", "x.safetensors")),
    "shift": (5.0, ("ModelSamplingAuraFlow", "shift", 5.0)),
    "dialect": (Dialect.PLAIN, ("CLIPTextEncode", "text", r"1girl, \(hat:1.2\)")),
    "denoise": (0.6, ("KSampler", "denoise", 0.6)),
    "start_step": (3, ("KSamplerAdvanced", "start_at_step", 3)),
    "end_step": (20, ("KSamplerAdvanced", "end_at_step", 20)),
    "zero_star": (True, ("CFGZeroStar", "model", ["1", 0])),
    "apg": (ApgSettings(0, 15, -0.5), ("APG", "norm_threshold", 15)),
    "interval": ((0.0, 0.8), ("CFGOverride", "start_percent", 0.8001)),
    "loras": ((LoraEntry("a/ink.safetensors", 0.8, 0.5),), ("LoraLoader", "strength_clip", 0.5)),
    "start": (StartFiles("a.png", "m.png"), ("SetLatentNoiseMask", "mask", ["9", 0])),
    "dtype": ("fp8", ("UNETLoader", "weight_dtype", "fp8_e4m3fn")),
}
ELSEWHERE = {
    "skipped_sigmas": "with beta57 and a denoising strength",
    "zero_if_empty": "refused with an empty negative prompt",
    "model": "name for people, in the parameters text",
    "blocks": "number for people, in the parameters text",
    "remarks": "becomes notes",
}


def test_every_field_of_a_generation_is_in_the_table() -> None:
    assert SETTINGS.keys() | ELSEWHERE.keys() == {field.name for field in fields(Generation)}


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_every_setting_is_in_the_workflow(name: str) -> None:
    value, (node, key, expected) = SETTINGS[name]
    changed = replace(PLAIN, **{name: value})
    assert nodes_of(changed)[node][key] == expected
    assert node not in nodes_of(PLAIN) or nodes_of(PLAIN)[node][key] != expected


def test_what_is_read_back_is_what_was_written() -> None:
    (found,) = read_workflow(write_workflow(PLAIN).nodes, "x")
    assert (found.prompt, found.negative, found.model) == (PLAIN.prompt, PLAIN.negative, PLAIN.files.dit)
    assert found.settings.items() >= {"seed": "7", "width": "832", "guidance_scale": "4.5", "steps": "30"}.items()


def test_a_start_image_is_scaled_encoded_and_masked() -> None:
    generation = replace(PLAIN, start=StartFiles("a.png", "m.png", mask_is_gray=False), denoise=0.5)
    written = write_workflow(generation)
    nodes = nodes_of(generation)
    assert nodes["LoadImage"]["image"] == "a.png"
    assert nodes["ImageScale"].items() >= {"upscale_method": "lanczos", "width": 832, "height": 1216}.items()
    assert nodes["LoadImageMask"] == {"image": "m.png", "channel": "red"}
    assert nodes["KSampler"]["latent_image"] == ["10", 0]
    assert "EmptyLatentImage" not in nodes
    assert written.notes == (
        "m.png has colors, of which ComfyUI reads red alone; save it as grayscale",
        "copy a.png and m.png into ComfyUI's folder 'input'",
    )


def test_both_ends_of_a_guidance_range_are_without_guidance() -> None:
    nodes = nodes_of(replace(PLAIN, interval=(0.1, 0.8)))
    ranges = [(node["start_percent"], node["end_percent"], node["cfg"]) for key, node in nodes.items() if "Over" in key]
    assert ranges == [(0.0, 0.0999, 1.0), (0.8001, 1.0, 1.0)]
    assert "CFGOverride" not in nodes_of(replace(PLAIN, interval=(0.1, 0.8), guidance_scale=1.0))


def test_beta57_is_made_of_nodes_that_comfyui_has() -> None:
    generation = replace(PLAIN, scheduler="beta57", denoise=0.5, skipped_sigmas=29)
    nodes = nodes_of(generation)
    assert nodes["BetaSamplingScheduler"].items() >= {"steps": 60, "alpha": 0.5, "beta": 0.7}.items()
    assert nodes["SplitSigmas"]["step"] == 29
    assert nodes["SamplerCustom"]["sigmas"][1] == 1
    assert "KSampler" not in nodes
    assert "beta57" in write_workflow(generation).notes[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scheduler": "beta57", "sampler": "uni_pc"}, "beta57 with uni_pc has no node"),
        ({"scheduler": "beta57", "start_step": 2}, "beta57 with a part of the steps"),
        ({"negative": "", "zero_if_empty": True}, "an empty negative prompt encoded as in diffusers"),
        ({"start_step": 2, "denoise": 0.5}, "a part of the steps together"),
        ({"start_step": 5, "end_step": 5}, "steps 5 to 5 contain no step"),
        ({"scheduler": "kl_optimal", "steps": 1}, "kl_optimal with 1 step"),
        ({"start": StartFiles("")}, "the start image has no file name"),
        ({"seed": -1}, "seed is -1; expected at least 0"),
        ({"guidance_scale": 101.0}, "cfg is 101.0; expected at most 100"),
        ({"loras": (LoraEntry("a.safetensors", 120, 1),)}, "strength_model is 120; expected at most 100"),
        ({"sampler": "euler_a"}, "sampler_name is 'euler_a'; expected one of euler, "),
        ({"scheduler": "bong_tangent"}, "scheduler is 'bong_tangent'"),
        ({"apg": ApgSettings(1, 60, 0)}, "norm_threshold is 60; expected at most 50"),
        ({"shift": 200.0}, "shift is 200.0; expected at most 100"),
    ],
)
def test_what_comfyui_cannot_do_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(WorkflowError) as error:
        write_workflow(replace(PLAIN, **changes))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_texts_that_the_editor_would_change_are_noted() -> None:
    assert "queue the file by the API" in write_workflow(replace(PLAIN, prompt="{a|b}, 1girl")).notes[0]


# --- texts -----------------------------------------------------------------------------------------------------------


@given(
    st.text(alphabet="ab ,:()[]\\1.2", max_size=24), st.sampled_from([Dialect.A1111, Dialect.PLAIN, Dialect.INVOKEAI])
)
def test_a_converted_text_has_the_same_segments(text: str, dialect: Dialect) -> None:
    written = to_comfyui(text, dialect)
    if written is not None:
        again, wanted = weighted_segments(written, Dialect.COMFYUI), weighted_segments(text, dialect)
        assert [segment.text for segment in again] == [segment.text for segment in wanted]
        assert [s.weight for s in again] == pytest.approx([s.weight for s in wanted], rel=1e-7)


@pytest.mark.parametrize(
    ("dialect", "text", "expected"),
    [
        ("a1111", "((a:1.2):1.5)", "(a:1.8)"),
        ("a1111", r"\(a\) [b]", r"\(a\) (b:0.909090909)"),
        ("plain", "(a:1.2)", r"\(a:1.2\)"),
        ("comfyui", "(a:nan)", "(a:nan)"),
    ],
)
def test_texts_keep_their_weights(dialect: str, text: str, expected: str) -> None:
    assert to_comfyui(text, Dialect.of(dialect)) == expected


# --- the check -------------------------------------------------------------------------------------------------------


def test_the_facts_name_their_source() -> None:
    path = Path(catalog.__file__).with_name("nodes.json")
    assert json.loads(path.read_text(encoding="utf-8"))["source"].startswith("ComfyUI 0.29.0")
    assert len(load_catalog()) == 62
    assert load_catalog()["KSampler"].widgets()[:3] == ["seed", "control", "steps"]


def test_the_facts_agree_with_the_recorded_server(shared: Path) -> None:
    recorded = json.loads((shared / "golden" / "comfyui_transcript.json").read_text(encoding="utf-8"))["object_info"]
    path = Path(catalog.__file__).with_name("nodes.json")
    nodes = json.loads(path.read_text(encoding="utf-8"))["nodes"]
    assert nodes == {name: compact(node, files=False) for name, node in recorded.items()}
    for changes in ({}, {"loras": (LoraEntry("style.safetensors"),)}, {"scheduler": "beta57"}):
        assert check_workflow(write_workflow(replace(PLAIN, **changes)).nodes, catalog_from(recorded)) == []


@pytest.mark.parametrize(
    ("number", "key", "value", "problem"),
    [
        ("7", "steps", 0, "node 7 (KSampler): steps is 0; expected at least 1"),
        ("7", "steps", 2.5, "steps is 2.5; expected a whole number"),
        ("7", "cfg", float("nan"), "cfg is nan; expected a number"),
        ("7", "cfg", True, "cfg is True; expected a number"),
        ("7", "model", "x", "model is 'x'; expected a link to a node that returns MODEL"),
        ("7", "model", ["2", 0], "model needs MODEL; node 2 is CLIP"),
        ("7", "model", ["1", 3], "model is linked to output 3 of node 1, which has 1"),
        ("7", "model", ["99", 0], "model is linked to node 99, which does not exist or is not known"),
        ("7", "model", [1, 0], "expected a link [node, output]"),
        ("7", "extra", 1, "has no input 'extra'"),
        ("4", "text", 3, "text is 3; expected text"),
    ],
)
def test_the_check_finds_what_a_server_refuses(number: str, key: str, value: Any, problem: str) -> None:
    nodes = write_workflow(PLAIN).nodes
    nodes[number]["inputs"][key] = value
    (found,) = check_workflow(nodes)
    assert problem in found


def test_the_check_finds_classes_missing_inputs_circles_and_outputs() -> None:
    nodes = write_workflow(PLAIN).nodes
    del nodes["7"]["inputs"]["seed"]
    nodes["8"]["class_type"] = "VaeDecode"
    assert check_workflow(nodes)[:2] == [
        "node 7 (KSampler): missing input: seed",
        "node 8: class 'VaeDecode' is not known",
    ]
    nodes = write_workflow(replace(PLAIN, zero_star=True, shift=5.0)).nodes
    shift = next(number for number, node in nodes.items() if node["class_type"] == "ModelSamplingAuraFlow")
    nodes[shift]["inputs"]["model"] = [str(int(shift) + 1), 0]
    assert check_workflow(nodes)[-1].endswith("depends on itself")
    del nodes["11"]
    assert "no node writes an image; add SaveImage" in check_workflow(nodes)
    assert check_workflow({"1": 5})[0] == "node 1 is not an object with class_type and inputs"
