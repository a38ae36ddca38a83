"""Attention for training on a CPU, where the gradient of PyTorch's fused attention is slow.

There, products and softmax are computed one by one, in float32: the fused gradient takes several times as long, and ten
times in bfloat16.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from anima_infer.model.adapter import AdapterAttention
from anima_infer.model.layers import Attention, AttentionFunction


def attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return ``softmax(q k / sqrt(d) + mask) v`` of (..., L, d); False in a Boolean mask hides a key."""
    if queries.device.type != "cpu" or not queries.requires_grad:
        return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    with torch.autocast("cpu", enabled=False):
        dtype = values.dtype
        queries, keys, values = queries.float(), keys.float(), values.float()
        scores = (queries * queries.shape[-1] ** -0.5) @ keys.mT
        if mask is not None and mask.dtype is torch.bool:  # finite, so that a row that sees nothing has gradients too
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        elif mask is not None:
            scores = scores + mask
        return (scores.softmax(-1) @ values).to(dtype)


def set_attention(network: nn.Module, function: AttentionFunction) -> None:
    """Replace the attention function of a DiT or an adapter."""
    for module in network.modules():
        if isinstance(module, Attention | AdapterAttention):
            module.attention_function = function


class AttendMode(TorchFunctionMode):
    """Makes ``attend`` the attention of modules that are not ours, such as those of transformers."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is not F.scaled_dot_product_attention or not _is_plain(*args, **kwargs):
            return func(*args, **kwargs)
        queries, keys, values = args
        return attend(queries, keys, values, kwargs.get("attn_mask"))


def _is_plain(queries: Tensor, *others: Tensor, **options: Any) -> bool:
    """Return whether a call asks for a mask at most: no dropout, no shared heads, the default scale."""
    scale = options.pop("scale", None)
    default = scale is None or math.isclose(scale, queries.shape[-1] ** -0.5)
    return len(others) == 2 and default and not any(value for name, value in options.items() if name != "attn_mask")
