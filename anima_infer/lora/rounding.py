"""Rounding float32 to a smaller dtype without a bias, so that small changes of a weight arrive on average.

Rounded to the nearest, a change below half a step is lost everywhere; rounded up with the probability of its fraction
of the step, it arrives in expectation, as noise of one step.
"""

from __future__ import annotations

import zlib

import torch
from torch import Tensor

DTYPES = {
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "fp8": torch.float8_e4m3fn,
}
"""What ``lora merge --dtype`` takes."""
COARSE = (torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)
"""Dtypes of at most eight bits of precision, whose steps are as large as a LoRA's changes."""


def round_stochastically(tensor: Tensor, dtype: torch.dtype, *, name: str, seed: int = 0) -> Tensor:
    """Return a float32 tensor in a dtype, each value rounded to one of its two neighbors at random.

    Values that the dtype has stay, and values beyond its range become its largest.

    Args:
        tensor: float32.
        dtype: to round to.
        name: of the tensor; with the seed it decides the random numbers.
        seed: of the random numbers.
    """
    if dtype not in COARSE:
        return tensor.to(dtype)
    info = torch.finfo(dtype)
    x = tensor.clamp(info.min, info.max)
    generator = torch.Generator().manual_seed(zlib.crc32(f"{seed} {name}".encode()))
    chance = torch.rand(tensor.shape, generator=generator).to(tensor.device)
    step = _step(x, dtype)
    lower = (x / step).floor() * step  # exact: a power of two divides
    up = chance < (x - lower) / step
    return torch.where(up, lower + step, lower).clamp(info.min, info.max).to(dtype)


def _step(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the distance of neighbors in a dtype around each value, a power of two."""
    info = torch.finfo(dtype)
    smallest = torch.full_like(x, info.smallest_normal)
    exponent = torch.frexp(torch.maximum(x.abs(), smallest)).exponent - 1
    return torch.ldexp(torch.full_like(x, info.eps), exponent)
