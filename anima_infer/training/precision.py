"""Training in bfloat16 where that is faster.

Weights, gradients of weights, norms and attention stay in float32; matrix products and convolutions multiply in
bfloat16 and add in float32.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

import torch
import torch.nn.functional as F

TRIES = 20
"""Measurements of each dtype; the fastest counts."""

WORTHWHILE = 0.8
"""Fraction of float32's time below which bfloat16 is worth its rounding."""


@contextmanager
def bfloat16_products() -> Iterator[None]:
    """Compute matrix products and convolutions on the CPU in bfloat16, everything else in float32."""
    with torch.autocast("cpu", torch.bfloat16):
        yield


@cache
def is_bfloat16_faster() -> bool:
    """Return whether this processor multiplies small matrices faster in bfloat16; measured once."""
    times = []
    for dtype in (torch.float32, torch.bfloat16):
        x, w = torch.ones(1024, 128, dtype=dtype), torch.ones(512, 128, dtype=dtype)
        tries = []
        for _ in range(TRIES):
            start = time.perf_counter()
            F.linear(x, w)
            tries.append(time.perf_counter() - start)
        times.append(min(tries))
    return times[1] < WORTHWHILE * times[0]


def fastest_precision() -> AbstractContextManager[None]:
    """Return ``bfloat16_products`` where that is faster, and an empty context elsewhere."""
    return bfloat16_products() if is_bfloat16_faster() else nullcontext()
