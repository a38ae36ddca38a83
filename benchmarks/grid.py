"""A grid of 3 artists x 3 weights x 2 seeds against the same cells rendered one by one with diffusers' classes.

    python benchmarks/grid.py                       # full model size, random weights, 256 x 256, 2 steps, on the CPU
    python benchmarks/grid.py --device cuda --size 1024 --steps 20

Ours is the whole of ``grid run``: planning, texts once, batches, images and manifest on disk. Theirs is what a script with
their pipeline does: both texts encoded, denoised and decoded for every cell, images saved. Loading is not counted on
either side. Each runs in a process of its own; prints one JSON line a side, and the ratio. The weights in the prompts
mean nothing to diffusers, which reads plain text; its work is the same.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from anima_infer.checkpoint import WeightFile, find_part, load_dit, load_vae
from anima_infer.encoder import PromptEncoder
from anima_infer.files import ModelFiles
from anima_infer.grid.executors.in_process import InProcess
from anima_infer.grid.run.runner import plan_for, run_grid
from anima_infer.grid.spec.definition import Spec
from anima_infer.grid.spec.reader import spec_from_dict
from anima_infer.images import to_image
from anima_infer.model.adapter import Adapter
from anima_infer.model.config import AdapterConfig, DitConfig, TextConfig, VaeConfig
from anima_infer.model.text import TextEncoder
from anima_infer.models import Models
from anima_infer.sampling.noise import initial_noise
from anima_prompt.tokens import Tokenizers
from benchmarks import peers
from benchmarks.infer import TYPES, both_sides, peak_gib, random, weights_folder
from tests.infer.tiny import write_tokenizers

PROMPT = "masterpiece, best quality, safe, 1girl, red hair, long hair, witch hat, smile, night, starry sky, outdoors"


def spec(options: argparse.Namespace) -> Spec:
    """Return the grid."""
    return spec_from_dict(
        {
            "base": {
                "prompt": PROMPT,
                "negative": "worst quality, low quality",
                "size": f"{options.size}x{options.size}",
                "steps": options.steps,
                "sampler": "euler",
                "cfg": 4,
            },
            "axes": [
                {"section": "artist", "values": ["@first artist", "@second artist", "@third artist"]},
                {"weight": "witch hat", "values": [0.5, 1, 1.5]},
            ],
            "seeds": 2,
        }
    )


def text_parts() -> tuple[TextEncoder, Adapter]:
    """Return text encoder and adapter at full size with random weights."""
    torch.manual_seed(0)
    text = TextEncoder(TextConfig())
    adapter = Adapter(AdapterConfig())
    with torch.no_grad():
        for name, weight in adapter.named_parameters():
            weight.copy_(random(name, tuple(weight.shape)))
    return text.eval(), adapter.eval()


@torch.inference_mode()
def run(side: str, options: argparse.Namespace) -> dict[str, Any]:
    """Render the grid on one side; return seconds and the peak memory."""
    folder, dtype, device = weights_folder(), TYPES[options.dtype], torch.device(options.device)
    text, adapter = text_parts()
    tokenizers = Tokenizers.from_folders(*write_tokenizers(folder))
    plan = plan_for(spec(options), None)
    raw = WeightFile.open(folder / "vae.safetensors")
    with tempfile.TemporaryDirectory() as place:
        if side == "ours":
            dit = load_dit(WeightFile.open(folder / "dit.safetensors"), dtype=dtype, device=device)
            vae = load_vae(raw, dtype=TYPES[options.vae_dtype], device=device)
            encoder = PromptEncoder(tokenizers, text.to(device), adapter.to(device, dtype))
            models = Models(encoder, dit, vae, ModelFiles())
            began = time.perf_counter()
            summary = run_grid(plan, Path(place) / "grid", InProcess(models.files, load=lambda _: models))
            assert summary.rendered == len(plan.cells)
        else:
            file = WeightFile.open(folder / "dit.safetensors")
            theirs = peers.diffusers_dit(DitConfig(), {n: file.raw(n) for n in find_part(file, "dit").names}, dtype)
            named = {f"llm_adapter.{name}": tensor for name, tensor in adapter.state_dict().items()}
            conditioner = peers.diffusers_adapter(AdapterConfig(), named, dtype).to(device)
            their_vae = peers.diffusers_vae(VaeConfig(), {n: raw.raw(n) for n in raw}, TYPES[options.vae_dtype])
            theirs, their_vae, text = theirs.to(device), their_vae.to(device), text.to(device, dtype)

            def encoded(prompt: str) -> torch.Tensor:
                tokens = tokenizers.encode([(prompt, 1.0)])
                qwen, t5 = torch.tensor([tokens.qwen], device=device), torch.tensor([tokens.t5], device=device)
                hidden = text(qwen)
                mask = torch.ones_like(t5)
                rows = conditioner(hidden, t5, target_attention_mask=mask, source_attention_mask=torch.ones_like(qwen))
                return torch.nn.functional.pad(rows, (0, 0, 0, 512 - rows.shape[1]))

            began = time.perf_counter()
            for cell in plan.cells:
                cond, uncond = encoded(cell.job.prompt), encoded(cell.job.negative)
                shape = (1, 16, 1, options.size // 8, options.size // 8)
                noise = initial_noise(shape, cell.job.seed)[:, :, 0].to(device)
                made = peers.whole_image(theirs, their_vae, cond, uncond, noise=noise, steps=options.steps, scale=4.0)
                to_image(made[0].cpu()).save(Path(place) / f"{cell.number}.png")
        seconds = time.perf_counter() - began
    found = {
        "side": side,
        "cells": len(plan.cells),
        "size": options.size,
        "steps": options.steps,
        "dtype": options.dtype,
    }
    return {**found, "threads": torch.get_num_threads(), "grid_s": round(seconds, 2), "peak_host_gib": peak_gib()}


def main() -> None:
    """Run both sides and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", choices=["ours", "diffusers"])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--dtype", choices=TYPES, default="bf16")
    parser.add_argument("--vae-dtype", choices=TYPES, default="fp32")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    if options.side:
        print(json.dumps(run(options.side, options)))
        return
    weights_folder()
    results = both_sides(__file__)
    print(f"grid {results['diffusers']['grid_s'] / results['ours']['grid_s']:.2f} times as fast")


if __name__ == "__main__":
    main()
