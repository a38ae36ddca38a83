"""Facts about rendered images and their metadata."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from anima_infer.models import Models
from anima_infer.render.job import Job, LoraUse
from anima_infer.render.metadata import describe, parameters_text
from anima_infer.render.renderer import Renderer
from anima_infer.sampling.denoise import denoise
from anima_infer.sampling.guidance import Apg, Guidance
from anima_infer.sampling.settings import RenderSettings
from anima_prompt.interchange.generation import FileNames
from anima_prompt.interchange.images import read_image, save_image
from anima_prompt.interchange.parameters import read_parameters
from tests.infer.tiny import encode


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler here")
@pytest.mark.filterwarnings("ignore")
def test_compiled_blocks_make_the_same_image(models: Models) -> None:
    cond = encode(models, "1girl")
    settings = RenderSettings(64, 64, 2, guidance=Guidance(1.0))
    plain = denoise(models.dit, [cond], [], settings, [1])
    Renderer(models).compile()
    torch.testing.assert_close(denoise(models.dit, [cond], [], settings, [1]), plain, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("ending", ["png", "webp"])
def test_a_image_says_how_it_was_made(models: Models, tmp_path: Path, ending: str) -> None:
    job = Job("1girl, (hat:1.2), café", "bad", RenderSettings(64, 96, 3, "euler", shift=5.0), seed=3)
    (image,) = Renderer(models).render([job])
    assert image.image.size == (64, 96)
    path = tmp_path / f"a.{ending}"
    save_image(image.image, path, parameters=image.parameters, workflow=image.workflow)
    (found,) = read_image(path)
    assert (found.prompt, found.negative) == (job.prompt, job.negative)
    assert (found.settings["steps"], found.settings["width"], found.settings["sampler"]) == ("3", "64", "euler")
    save_image(image.image, path, workflow=image.workflow)
    (from_graph,) = read_image(path)
    assert (from_graph.prompt, from_graph.negative) == (job.prompt, job.negative)
    assert from_graph.settings["shift"] == "5.0"
    assert list(tmp_path.iterdir()) == [path]


def test_a_image_says_how_it_was_guided(models: Models, tmp_path: Path) -> None:
    guidance = Guidance(3.0, zero_star=True, apg=Apg.parse("0:15:-0.5"), interval=(0.1, 0.8))
    job = Job("1girl", "bad", RenderSettings(64, 64, 2, "euler", guidance=guidance), seed=3)
    (image,) = Renderer(models).render([job])
    save_image(image.image, tmp_path / "a.png", parameters=image.parameters, workflow=image.workflow)
    assert "Blocks: 2," in image.parameters
    assert "CFG-Zero*: on, APG: 0:15:-0.5, Guidance interval: 0.1-0.8" in image.parameters
    assert read_parameters(image.parameters).settings["shift"] == "3"
    inputs = {node["class_type"]: node["inputs"] for node in image.workflow.values()}
    assert {"eta": 0, "norm_threshold": 15, "momentum": -0.5}.items() <= inputs["APG"].items()
    kinds, node = [], inputs["KSampler"]
    while "model" in node:
        kinds.append(image.workflow[node["model"][0]]["class_type"])
        node = image.workflow[node["model"][0]]["inputs"]
    assert kinds == ["CFGOverride", "CFGOverride", "CFGZeroStar", "APG", "UNETLoader"]
    assert read_image(tmp_path / "a.png")[0].prompt == "1girl"


def test_parameters_can_be_read_back() -> None:
    job = Job("a\nb", "c", loras=(LoraUse(Path("x/style.safetensors"), 0.5),))
    found = read_parameters(parameters_text(describe(job, FileNames("anima.safetensors", "t", "v"))))
    assert (found.prompt, found.negative, found.model) == ("a\nb", "c", "anima")
    deep = describe(job, FileNames("anima.safetensors", "t", "v"), blocks=40)
    assert "Model: anima, Blocks: 40," in parameters_text(deep)
