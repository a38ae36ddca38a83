"""Training in bfloat16 where the processor is faster in it.

Weights, gradients of weights, norms and attention stay in float32; products of matrices and convolutions are taken in
bfloat16, added up in float32.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from anima_infer.model.dit import attention

ROUNDS = 20
"""Tries of each; the fastest counts."""

PAYS = 0.8
"""Share of the time in float32 that bfloat16 may take to be worth its rounding."""


class PlainAttention(TorchFunctionMode):
    """Gives other people's modules the attention of ``dit.attention`` where they ask PyTorch for its own."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is not F.scaled_dot_product_attention or not _is_plain(*args, **kwargs):
            return func(*args, **kwargs)
        queries, keys, values = args
        return attention(queries, keys, values, kwargs.get("attn_mask"))


def _is_plain(queries: Tensor, *others: Tensor, **options: Any) -> bool:
    """Say whether attention is asked for that is masked at most: no dropout, no shared heads, the usual scale."""
    scale = options.pop("scale", None)
    usual = scale is None or math.isclose(scale, queries.shape[-1] ** -0.5)
    return len(others) == 2 and usual and not any(value for name, value in options.items() if name != "attn_mask")


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
