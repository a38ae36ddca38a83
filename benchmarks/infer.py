"""Inference against diffusers' Anima: the same random weights at full size, the same type, the same threads.

    python benchmarks/infer.py                      # DiT step and VAE decode at 512 x 512
    python benchmarks/infer.py --image              # and a whole 8-step image with guidance
    python benchmarks/infer.py --device cuda --size 1024

Each side runs in a process of its own, in turn, so that its peak memory is its own. Weights are written once, below the
system's folder for temporary files. Prints one JSON line a side, and the ratios.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from anima_infer.checkpoint import WeightFile, find_part, load_dit, load_vae
from anima_infer.model.config import DitConfig, VaeConfig
from anima_infer.model.dit import Dit
from anima_infer.model.inputs import Conditioning
from anima_infer.model.vae import decode_each
from anima_infer.sampling.denoise import denoise
from anima_infer.sampling.guidance import Guidance
from anima_infer.sampling.noise import initial_noise
from anima_infer.sampling.settings import RenderSettings
from benchmarks import peers

LIVE_ROWS = 60
TYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


def weights_folder() -> Path:
    """Return the folder with the random weights, written if it is not there."""
    folder = Path(tempfile.gettempdir()) / "anima-benchmark"
    folder.mkdir(exist_ok=True)
    with torch.device("meta"):
        dit = {name: tuple(t.shape) for name, t in Dit(DitConfig()).state_dict().items()}
    if not (folder / "dit.safetensors").is_file():
        save_file({name: random(name, shape).bfloat16() for name, shape in dit.items()}, folder / "dit.safetensors")
    if not (folder / "vae.safetensors").is_file():
        from tests.infer.tiny import vae_weights

        weights = vae_weights(VaeConfig())
        save_file({name: torch.nan_to_num(tensor) for name, tensor in weights.items()}, folder / "vae.safetensors")
    return folder


def random(name: str, shape: tuple[int, ...]) -> Tensor:
    """Return weights of unit gain: one random block, repeated, since 2 billion draws take minutes."""
    count = math.prod(shape)
    source = torch.Generator().manual_seed(len(name))
    block = torch.randn(min(count, 1_000_003), generator=source)
    values = block.repeat(count // len(block) + 1)[:count].reshape(shape)
    if len(shape) == 1:
        return 1 + 0.1 * values
    return values * ((0.3 if "adaln" in name or "linear_2" in name else 1.0) / math.sqrt(count / shape[0]))


def measured(work: Callable[[], object], repeat: int, device: str) -> float:
    """Return the least time of several calls, in seconds, after one that warms up."""
    best = math.inf
    for index in range(repeat + 1):
        if device == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        if index:
            best = min(best, time.perf_counter() - start)
    return best


@torch.inference_mode()
def run(side: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one side."""
    folder, dtype, device = weights_folder(), TYPES[options.dtype], torch.device(options.device)
    size = options.size
    latents = initial_noise((1, 16, 1, size // 8, size // 8), 0)[:, :, 0].to(device)
    rows = torch.randn(1, LIVE_ROWS, 1024, generator=torch.Generator().manual_seed(1)).to(device, dtype)
    nothing = torch.randn(1, 1, 1024, generator=torch.Generator().manual_seed(2)).to(device, dtype)
    sigma = torch.tensor([0.7], device=device)
    found: dict[str, Any] = {"side": side, "dtype": options.dtype, "size": size, "threads": torch.get_num_threads()}
    started = time.perf_counter()
    step: Callable[[], object]
    paint: Callable[[], object]
    whole: Callable[[], object]
    if side == "ours":
        dit = load_dit(WeightFile.open(folder / "dit.safetensors"), dtype=dtype, device=device)
        vae = load_vae(WeightFile.open(folder / "vae.safetensors"), dtype=TYPES[options.vae_dtype], device=device)
        cond, uncond = Conditioning(rows, (LIVE_ROWS,)), Conditioning(nothing, (1,))
        keys, level = dit.compute_keys_values(cond), dit.compute_modulation(sigma)
        step = lambda: dit(latents, level, keys)  # noqa: E731
        paint = lambda: decode_each(vae, latents)  # noqa: E731
        settings = RenderSettings(size, size, 8, "euler", "simple", Guidance(4.0))
        whole = lambda: decode_each(vae, denoise(dit, [cond], [uncond], settings, [0]))  # noqa: E731
    else:
        file = WeightFile.open(folder / "dit.safetensors")
        weights = {name: file.raw(name) for name in find_part(file, "dit").names}
        theirs = peers.diffusers_dit(DitConfig(), weights, dtype).to(device)
        del weights
        raw = WeightFile.open(folder / "vae.safetensors")
        their_vae = peers.diffusers_vae(VaeConfig(), {n: raw.raw(n) for n in raw}, TYPES[options.vae_dtype]).to(device)
        full, empty = (torch.nn.functional.pad(r, (0, 0, 0, 512 - r.shape[1])) for r in (rows, nothing))
        step = lambda: peers.velocity(theirs, latents.to(dtype), sigma.to(dtype), full)  # noqa: E731
        paint = lambda: peers.decoded(their_vae, latents)  # noqa: E731
        whole = lambda: peers.whole_image(theirs, their_vae, full, empty, noise=latents, steps=8, scale=4.0)  # noqa: E731
    found["load_s"] = time.perf_counter() - started
    if not options.skip_parts:
        found["dit_step_s"] = measured(step, options.repeat, options.device)
        found["vae_decode_s"] = measured(paint, options.repeat, options.device)
    if options.image:
        started = time.perf_counter()
        whole()
        if options.device == "cuda":
            torch.cuda.synchronize()
        found["image_s"] = time.perf_counter() - started
    found["peak_host_gib"] = peak_gib()
    if options.device == "cuda":
        found["peak_device_gib"] = torch.cuda.max_memory_allocated() / 2**30
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in found.items()}


def peak_gib() -> float | None:
    """Return this process's largest size in memory so far; None on Windows, which does not say."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30, 2)


def both_sides(script: str) -> dict[str, dict[str, Any]]:
    """Run a benchmark once for each side, each in a process of its own; return what they print, by side."""
    results = {}
    for side in ("diffusers", "ours"):
        command = [sys.executable, script, *sys.argv[1:], "--side", side]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)  # noqa: S603
        if done.returncode:
            sys.exit(done.stderr)
        results[side] = json.loads(done.stdout.splitlines()[-1])
        print(json.dumps(results[side]), flush=True)
    return results


def main() -> None:
    """Run both sides and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", choices=["ours", "diffusers"])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--dtype", choices=TYPES, default="bf16")
    parser.add_argument("--vae-dtype", choices=TYPES, default="fp32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--image", action="store_true", help="a whole 8-step image with guidance, too")
    parser.add_argument("--skip-parts", action="store_true", help="the image alone")
    options = parser.parse_args()
    if options.side:
        print(json.dumps(run(options.side, options)))
        return
    weights_folder()
    results = both_sides(__file__)
    for key in ("dit_step_s", "vae_decode_s", "image_s", "peak_host_gib", "peak_device_gib"):
        if results["ours"].get(key):
            print(f"{key:16} {results['diffusers'][key] / results['ours'][key]:.2f} times")


if __name__ == "__main__":
    main()
