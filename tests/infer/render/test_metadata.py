"""Facts about the workflow of a render: every option of the command line is in it, refused, or without effect."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from anima_infer.cli.main import render
from anima_infer.files import ModelFiles
from anima_infer.grid.spec.changes import CHANGE_KINDS
from anima_infer.render.job import Job, LoraUse
from anima_infer.render.metadata import describe, file_names, parameters_text, remarks_on, start_files
from anima_infer.sampling.guidance import Apg, Guidance
from anima_infer.sampling.samplers import SAMPLERS
from anima_infer.sampling.schedule import SCHEDULERS, sigmas_for
from anima_infer.sampling.settings import RenderSettings
from anima_prompt.dialects import Dialect
from anima_prompt.interchange.generation import FileNames
from anima_prompt.interchange.workflow import WorkflowError, check_workflow, write_workflow
from anima_prompt.interchange.workflow.writer import DROPS_PENULTIMATE

FILES = FileNames("anima-base-v1.0.safetensors", "qwen_3_06b_base.safetensors", "qwen_image_vae.safetensors")
OPTIONS = {
    "source": "CLIPTextEncode.text",
    "output": "no effect: the name of the file",
    "folder": "UNETLoader.unet_name, CLIPLoader.clip_name, VAELoader.vae_name",
    "checkpoint": "UNETLoader.unet_name",
    "profile": "the settings that it supplies",
    "negative": "CLIPTextEncode.text",
    "size": "EmptyLatentImage.width, EmptyLatentImage.height, ImageScale.width",
    "steps": "KSampler.steps",
    "guidance_scale": "KSampler.cfg",
    "sampler": "KSampler.sampler_name",
    "scheduler": "KSampler.scheduler, BetaSamplingScheduler.alpha",
    "shift": "ModelSamplingAuraFlow.shift",
    "seed": "KSampler.seed",
    "count": "KSampler.seed of one workflow per image; EmptyLatentImage.batch_size 1, since ComfyUI's batch is one draw",
    "loras": "LoraLoader.strength_model, LoraLoader.strength_clip",
    "init": "LoadImage.image, ImageScale.image, VAEEncode.pixels",
    "mask": "LoadImageMask.image, SetLatentNoiseMask.mask",
    "denoise": "KSampler.denoise",
    "dialect": "CLIPTextEncode.text in ComfyUI's markup",
    "zero_star": "CFGZeroStar.model",
    "apg": "APG.eta, APG.norm_threshold, APG.momentum",
    "interval": "CFGOverride.start_percent, CFGOverride.end_percent",
    "dtype": "UNETLoader.weight_dtype, ModelComputeDtype.dtype",
    "offload": "no effect: memory",
    "compiled": "no effect: speed",
    "device": "title of KSampler: step noise is drawn on the GPU",
    "strip": "no effect: memory",
    "preview": "no effect: another file",
    "no_lint": "no effect: messages",
}
GRID_KINDS = {
    **dict.fromkeys(
        ("prompt", "section", "replace", "remove", "add", "weight", "prose", "blend", "order", "search", "negative"),
        "CLIPTextEncode.text",
    ),
    "profile": "the settings that it supplies",
    "checkpoint": "UNETLoader.unet_name",
    "size": "EmptyLatentImage.width",
    "steps": "KSampler.steps",
    "cfg": "KSampler.cfg",
    "sampler": "KSampler.sampler_name",
    "scheduler": "KSampler.scheduler",
    "shift": "ModelSamplingAuraFlow.shift",
    "zero_star": "CFGZeroStar.model",
    "loras": "LoraLoader.strength_model",
    "lora_strength": "LoraLoader.strength_model",
    "seed": "KSampler.seed",
}
"""Change kinds of a grid and where they stand; a kind that is not here has no place in an exported workflow yet."""


def everything() -> Job:
    """Return a job that uses every node that the tables name."""
    guidance = Guidance(3.0, zero_star=True, apg=Apg(0, 15, -0.5), interval=(0.1, 0.8))
    settings = RenderSettings(64, 96, 20, "euler_a", "simple", guidance, shift=5.0, denoise=0.6)
    loras = (LoraUse(Path("models/loras/ink/a.safetensors"), 0.8), LoraUse(Path("b.safetensors"), 1.0, 0.25))
    return Job("((smile:1.2)), [hat]", "bad", settings, 3, loras, Dialect.A1111)


def written(job: Job, **options: Any) -> dict[str, list[dict[str, Any]]]:
    """Return inputs by class."""
    found: dict[str, list[dict[str, Any]]] = {}
    for node in write_workflow(describe(job, FILES, **options)).nodes.values():
        found.setdefault(node["class_type"], []).append(node["inputs"])
    return found


def test_every_option_of_render_is_in_the_table() -> None:
    assert {parameter.name for parameter in render.params} == OPTIONS.keys()
    assert CHANGE_KINDS.keys() <= GRID_KINDS.keys()


def test_the_nodes_and_inputs_of_the_tables_are_written(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "m.png")
    start = start_files(Path("x/a.png"), tmp_path / "m.png")
    plain = replace(everything(), settings=replace(everything().settings, denoise=1.0))
    custom = replace(plain, settings=replace(plain.settings, scheduler="beta57"))
    found = [written(everything(), start=start, dtype="fp8"), written(plain, dtype="bf16"), written(custom)]
    for place in {place for table in (OPTIONS, GRID_KINDS) for text in table.values() for place in text.split()}:
        node, dot, name = place.strip(",.;").partition(".")
        if dot and node[:1].isupper():
            assert any(name in inputs for workflow in found for inputs in workflow.get(node, [])), place


def test_names_texts_and_strengths_are_those_of_the_image() -> None:
    found = written(everything())
    assert found["CLIPTextEncode"][0]["text"] == "(smile:1.32), (hat:0.909090909)"
    assert found["KSampler"][0].items() >= {"sampler_name": "euler_ancestral", "cfg": 3.0, "denoise": 0.6}.items()
    assert [(lora["lora_name"], lora["strength_model"], lora["strength_clip"]) for lora in found["LoraLoader"]] == [
        ("ink/a.safetensors", 0.8, 0.8),
        ("b.safetensors", 1.0, 0.25),
    ]


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_every_sampler_and_scheduler_is_accepted_or_refused(sampler: str) -> None:
    for scheduler in SCHEDULERS:
        job = Job("a", "b", RenderSettings(64, 64, 8, sampler, scheduler))
        generation = describe(job, FILES)
        if scheduler == "beta57" and generation.sampler in DROPS_PENULTIMATE:
            with pytest.raises(WorkflowError, match="beta57"):
                write_workflow(generation)
        else:
            assert check_workflow(write_workflow(generation).nodes) == []


@pytest.mark.parametrize(("steps", "denoise"), [(30, 0.5), (8, 0.33), (60, 0.9), (100, 0.7)])
def test_the_sigmas_of_beta57_are_the_last_of_the_longer_schedule(steps: int, denoise: float) -> None:
    job = Job("a", "b", RenderSettings(64, 64, steps, "euler", "beta57", denoise=denoise))
    found = written(job)
    whole = sigmas_for(found["BetaSamplingScheduler"][0]["steps"], "beta57")
    first = found["SplitSigmas"][0]["step"] if "SplitSigmas" in found else 0
    assert whole[first:].tolist() == job.settings.sigmas().tolist()


def test_files_that_comfyui_cannot_load_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "transformer"
    folder.mkdir()
    files = ModelFiles(folder, tmp_path / "vae" / "q.safetensors")
    assert file_names(files).dit == "anima-base-v1.0.safetensors"
    assert "is a folder in the diffusers layout" in remarks_on(files)[0]
    named = ModelFiles(Path("m/diffusion_models/own/x.safetensors"), adapter=Path("m/y_llm_adapter.safetensors"))
    assert file_names(named).dit == "own/x.safetensors"
    assert "y_llm_adapter.safetensors is a file of its own" in remarks_on(named)[0]


def test_a_mask_with_colors_is_noted(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), "teal").save(tmp_path / "m.png")
    assert not start_files(Path("a.png"), tmp_path / "m.png").mask_is_gray


def test_parameters_say_what_the_workflow_says() -> None:
    text = parameters_text(describe(everything(), FILES, start=start_files(Path("a, b.png")), dtype="fp8"))
    assert 'Start image: "a, b.png", Weights: fp8, Loras: "a: 0.8, b: 1/0.25", Dialect: a1111' in text
    assert "Sampler: euler_ancestral" in text
    json.dumps(text)
