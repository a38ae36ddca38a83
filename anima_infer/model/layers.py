"""The layers that DiT and adapter are built from: norms, projections, attention, rotary positions, patches.

Modules carry the names of the release's weights. Letters in shapes: B batch, L tokens, D width, d width of one head.

Source: ComfyUI 0.29.0 (what it computes); Agarwal et al. 2025, "Cosmos World Foundation Model".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-6
ROPE_BASE = 10000.0
ROPE_STRETCH = 4.0
"""Height and width positions are stretched by this ratio, time by 1 (NTK-aware)."""

AttentionFunction = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""``softmax(q k / sqrt(d) + mask) v`` of queries, keys, values (..., L, d) and a mask; False in a mask hides a key."""


class Modulation(NamedTuple):
    """What a noise level does to one branch of a block, each (B, 1, D)."""

    shift: Tensor
    scale: Tensor
    gate: Tensor


class Rope(NamedTuple):
    """Rotary position tables, float32: (L, d / 2)."""

    cos: Tensor
    sin: Tensor


# --- norms and projections -------------------------------------------------------------------------------------------


class RmsNorm(nn.Module):
    """``x / rms(x) * weight`` over the last axis, computed in float32 and returned in the dtype of ``x``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalized tensor."""
        if x.dtype == self.weight.dtype:
            return F.rms_norm(x, x.shape[-1:], self.weight, EPS)
        return F.rms_norm(x, x.shape[-1:], self.weight.to(x.dtype), EPS)


class Linear(nn.Linear):
    """A projection whose weight may be stored in a smaller dtype (float8) than it is used in."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x W^T + bias``."""
        return F.linear(x, self.weight_in(x.dtype), self.bias)

    def weight_in(self, dtype: torch.dtype) -> Tensor:
        """Return the weight that the stored values stand for, in a dtype to compute in: (outputs, inputs)."""
        return self.weight if self.weight.dtype is dtype else self.weight.to(dtype)


def linear(inputs: int, outputs: int) -> Linear:
    """Return a projection without bias; its weight is not set yet."""
    return Linear(inputs, outputs, bias=False)


class FeedForward(nn.Module):
    """Two projections with an exact GELU between them."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.layer1 = linear(width, inner)
        self.layer2 = linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, L, D)."""
        return self.layer2(F.gelu(self.layer1(x)))


# --- attention -------------------------------------------------------------------------------------------------------


class Attention(nn.Module):
    """Multi-head attention with RMS norm on queries and keys."""

    attention_function: AttentionFunction = staticmethod(F.scaled_dot_product_attention)
    """Training may put another one here."""

    def __init__(self, width: int, source_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = linear(width, width)
        self.k_proj = linear(source_width, width)
        self.v_proj = linear(source_width, width)
        self.output_proj = linear(width, width)
        self.q_norm = RmsNorm(width // heads)
        self.k_norm = RmsNorm(width // heads)

    def self_attend(self, x: Tensor, rope: Rope) -> Tensor:
        """Let tokens attend to each other, with rotary positions on queries and keys: (B, L, D)."""
        queries = apply_rope(self.q_norm(split_heads(self.q_proj(x), self.heads)), rope).transpose(1, 2)
        keys = apply_rope(self.k_norm(split_heads(self.k_proj(x), self.heads)), rope).transpose(1, 2)
        values = split_heads(self.v_proj(x), self.heads).transpose(1, 2)
        return self._attend(queries, keys, values, None)

    def cross_attend(self, x: Tensor, keys: Tensor, values: Tensor, key_bias: Tensor | None) -> Tensor:
        """Let tokens attend to the prompt, without positions: (B, L, D).

        Args:
            x: (B, L, D).
            keys, values: of ``project_keys_values`` for P prompts, P a divisor of B. Images that share a prompt are
                neighbors in the batch, so that their tokens are one longer list of queries and nothing is copied.
            key_bias: added to the scores, broadcast to (P, heads, L, rows).
        """
        tokens = x.reshape(keys.shape[0], -1, x.shape[-1])
        queries = self.q_norm(split_heads(self.q_proj(tokens), self.heads)).transpose(1, 2)
        return self._attend(queries, keys, values, key_bias).view_as(x)

    def project_keys_values(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Return normalized keys, and values, of (B, L, source width): (B, heads, L, d) each."""
        keys = self.k_norm(split_heads(self.k_proj(source), self.heads)).transpose(1, 2)
        return keys, split_heads(self.v_proj(source), self.heads).transpose(1, 2)

    def _attend(self, queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None) -> Tensor:
        return self.output_proj(self.attention_function(queries, keys, values, bias).transpose(1, 2).flatten(2))


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Return (B, L, D) as (B, L, heads, d)."""
    return x.unflatten(-1, (heads, -1))


def apply_rope(x: Tensor, rope: Rope) -> Tensor:
    """Rotate the pairs (k, k + d / 2) of (B, L, heads, d) by each token's angles, in float32."""
    cos, sin = rope.cos[:, None], rope.sin[:, None]  # (L, 1, d / 2)
    first, second = x.float().chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1).to(x.dtype)


def rope_2d(rows: int, columns: int, head_width: int) -> Rope:
    """Return the position tables of an image of rows x columns tokens, angles in the order [time | height | width].

    Height and width get ``head_width // 6 * 2`` of the channels each, time the rest; time is always 0 in an image.
    """
    spatial = head_width // 6 * 2
    temporal = head_width - 2 * spatial
    theta = ROPE_BASE * ROPE_STRETCH ** (spatial / (spatial - 2))
    rates = 1.0 / theta ** (torch.arange(0, spatial, 2, dtype=torch.float32) / spatial)
    down = torch.arange(rows, dtype=torch.float32)[:, None] * rates
    across = torch.arange(columns, dtype=torch.float32)[:, None] * rates
    time = torch.zeros(rows, columns, temporal // 2)
    angles = torch.cat((time, down[:, None].expand(-1, columns, -1), across[None].expand(rows, -1, -1)), dim=-1)
    angles = angles.flatten(0, 1)  # (L, d / 2)
    return Rope(angles.cos(), angles.sin())


# --- modulation by the noise level -----------------------------------------------------------------------------------


def adaln(width: int, inner: int, vectors: int) -> nn.Sequential:
    """Return the low-rank map from a noise level to several vectors (adaptive layer norm)."""
    return nn.Sequential(nn.SiLU(), linear(width, inner), linear(inner, vectors * width))


class TimeMlp(nn.Module):
    """From the sinusoid of a noise level to the vector that all modulations share."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_1 = linear(width, width)
        self.linear_2 = linear(width, 3 * width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, 1, 3 D)."""
        return self.linear_2(F.silu(self.linear_1(x)))


def sinusoid(sigmas: Tensor, width: int) -> Tensor:
    """Return ``[cos(s w_j) | sin(s w_j)]``, ``w_j = 10000^(-j / (width / 2))``, of sigmas (B,): (B, width).

    Sigmas are not scaled by 1000, as they are in other models.
    """
    half = width // 2
    rates = torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float32, device=sigmas.device) / half)
    angles = sigmas[:, None] * rates
    return torch.cat((angles.cos(), angles.sin()), dim=-1)


def modulate(x: Tensor, shift: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    """Return ``LayerNorm(x) * (1 + scale) + shift`` in a dtype."""
    normed = F.layer_norm(x, x.shape[-1:], eps=EPS)
    return torch.addcmul(shift.to(x.dtype), normed, 1 + scale.to(x.dtype)).to(dtype)


def add_gated(x: Tensor, gate: Tensor, branch: Tensor) -> Tensor:
    """Return ``x + gate * branch`` in the dtype of ``x``."""
    return torch.addcmul(x, gate.to(x.dtype), branch.to(x.dtype))


# --- patches ---------------------------------------------------------------------------------------------------------


def patchify(x: Tensor) -> Tensor:
    """Cut (B, C, H, W) into patches of 2 x 2, channel slowest, with a channel of zeros appended: (B, L, 4 (C + 1)).

    The channel of zeros is Cosmos' padding mask, which says that no pixel is padding.
    """
    x = F.pad(x, (0, 0, 0, 0, 0, 1))
    b, c, h, w = x.shape
    x = x.view(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5)  # (B, H / 2, W / 2, C, 2, 2)
    return x.reshape(b, (h // 2) * (w // 2), c * 4)


def unpatchify(y: Tensor, rows: int, columns: int) -> Tensor:
    """Put patches (B, L, 4 C), channel fastest, together to (B, C, H, W)."""
    b, _, values = y.shape
    y = y.view(b, rows, columns, 2, 2, values // 4).permute(0, 5, 1, 3, 2, 4)  # (B, C, rows, 2, columns, 2)
    return y.reshape(b, values // 4, rows * 2, columns * 2)
