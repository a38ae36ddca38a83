"""Training in bfloat16 where the processor is faster in it.

Weights, gradients of weights, norms and attention stay in float32; products of matrices and convolutions are taken in
bfloat16, added up in float32.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

import torch
import torch.nn.functional as F

ROUNDS = 20
"""Tries of each; the fastest counts."""

PAYS = 0.8
"""Share of the time in float32 that bfloat16 may take to be worth its rounding."""


@contextmanager
def halved() -> Iterator[None]:
    """Take products of matrices and convolutions in bfloat16 on the CPU, all else in float32."""
    with torch.autocast("cpu", torch.bfloat16):
        yield


@cache
def halves_pay() -> bool:
    """Say whether this processor multiplies small matrices faster in bfloat16, by trying."""
    took = []
    for kind in (torch.float32, torch.bfloat16):
        x, w = torch.ones(1024, 128, dtype=kind), torch.ones(512, 128, dtype=kind)
        tries = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            F.linear(x, w)
            tries.append(time.perf_counter() - began)
        took.append(min(tries))
    return took[1] < PAYS * took[0]


def faster() -> AbstractContextManager[None]:
    """Return ``halved`` where it pays, and nothing elsewhere."""
    return halved() if halves_pay() else nullcontext()
