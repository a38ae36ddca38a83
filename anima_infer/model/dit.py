"""The diffusion transformer of Anima: Cosmos-Predict2 2B for one frame (MiniTrainDIT).

One forward pass maps noisy latents, a noise level and a prompt's context to the velocity ``noise - data``. What does
not depend on the latents is computed once and passed in: keys and values of the context (``keys_values``), and the
modulation vectors of a noise level (``modulation``). Modules carry the names of the release's weights.

Source: ComfyUI 0.29.0; Agarwal et al. 2025, "Cosmos World Foundation Model".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anima_infer.model.config import CONTEXT_ROWS, DitConfig

EPS = 1e-6
ROPE_BASE = 10000.0
ROPE_STRETCH = 4.0
"""Height and width positions are stretched by this ratio, time by 1 (NTK-aware)."""


class KeysValues(NamedTuple):
    """What cross-attention reads of P prompts: P x heads x rows x head width, once per block, and one key bias."""

    pairs: list[tuple[Tensor, Tensor]]
    bias: Tensor | None


class Modulation(NamedTuple):
    """Shift, scale and gate of every branch of every block, and shift and scale of the final layer: B x 1 x width."""

    blocks: list[tuple[tuple[Tensor, Tensor, Tensor], ...]]
    final: tuple[Tensor, Tensor]

    def at(self, index: int) -> Modulation:
        """Return the vectors of one of several noise levels."""
        pick = slice(index, index + 1)
        blocks = [tuple((a[pick], b[pick], c[pick]) for a, b, c in block) for block in self.blocks]
        return Modulation(blocks, (self.final[0][pick], self.final[1][pick]))


class Rope(NamedTuple):
    """Rotary position tables of one picture size, float32: tokens x head width / 2."""

    cos: Tensor
    sin: Tensor


@dataclass(frozen=True, slots=True)
class Context:
    """A batch of prompts as the adapter leaves them.

    Attributes:
        rows: B x n x width; shorter prompts end in zero rows.
        lengths: live rows of each prompt.
        total: rows that the model is meant to see; those beyond ``lengths`` are zero and never computed.
    """

    rows: Tensor
    lengths: tuple[int, ...]
    total: int = CONTEXT_ROWS


class RmsNorm(nn.Module):
    """x / rms(x), times a weight, over the last axis; in float32 whatever comes in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))

    def forward(self, x: Tensor) -> Tensor:
        """Return the normed tensor in its own type."""
        if x.dtype == self.weight.dtype:
            return F.rms_norm(x, x.shape[-1:], self.weight, EPS)
        return F.rms_norm(x, x.shape[-1:], self.weight.to(x.dtype), EPS)


class Linear(nn.Linear):
    """A projection whose weight may be stored in a smaller type than it is used in (float8)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x W^T."""
        weight = self.weight if self.weight.dtype is x.dtype else self.weight.to(x.dtype)
        return F.linear(x, weight, self.bias)


def linear(inputs: int, outputs: int) -> Linear:
    """Return a projection without bias, its weight not yet set."""
    return Linear(inputs, outputs, bias=False)


class Attention(nn.Module):
    """Multi-head attention with RMS norm on queries and keys."""

    def __init__(self, width: int, source: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = linear(width, width)
        self.k_proj = linear(source, width)
        self.v_proj = linear(source, width)
        self.output_proj = linear(width, width)
        self.q_norm = RmsNorm(width // heads)
        self.k_norm = RmsNorm(width // heads)

    def split(self, x: Tensor) -> Tensor:
        """Return B x L x D as B x L x heads x D/heads."""
        return x.unflatten(-1, (self.heads, -1))

    def keys_values(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Return normed keys and values: B x heads x L x D/heads."""
        keys = self.k_norm(self.split(self.k_proj(source))).transpose(1, 2)
        return keys, self.split(self.v_proj(source)).transpose(1, 2)

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return softmax(q k / sqrt(d) + bias) v, projected: B x L x D."""
        return self.output_proj(attention(queries, keys, values, bias).transpose(1, 2).flatten(2))

    def among_themselves(self, x: Tensor, rope: Rope) -> Tensor:
        """Let tokens attend to each other, with rotary positions on queries and keys."""
        queries = rotated(self.q_norm(self.split(self.q_proj(x))), rope).transpose(1, 2)
        keys = rotated(self.k_norm(self.split(self.k_proj(x))), rope).transpose(1, 2)
        values = self.split(self.v_proj(x)).transpose(1, 2)
        return self.attend(queries, keys, values)

    def to_context(self, x: Tensor, pair: tuple[Tensor, Tensor], bias: Tensor | None) -> Tensor:
        """Let tokens attend to the prompt; no positions, no mask but the bias of the zero rows.

        Pictures that share a prompt stand in a row: their tokens are one longer list of queries, and nothing is copied.
        """
        tokens = x.reshape(pair[0].shape[0], -1, x.shape[-1])
        queries = self.q_norm(self.split(self.q_proj(tokens))).transpose(1, 2)
        return self.attend(queries, *pair, bias).view_as(x)


def attention(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return softmax(q k / sqrt(d) + mask) v for ... x L x d; in a mask of truth values, False hides a key.

    Where a gradient will be wanted on a CPU, products and softmax stand alone, in float32: there the gradient of
    PyTorch's fused attention takes several times as long, ten times in bfloat16.
    """
    if queries.device.type != "cpu" or not queries.requires_grad:
        return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    with torch.autocast("cpu", enabled=False):
        queries, keys, values = queries.float(), keys.float(), values.float()
        scores = (queries * queries.shape[-1] ** -0.5) @ keys.mT
        if mask is not None and mask.dtype is torch.bool:  # not infinite: a row that sees nothing has gradients too
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        elif mask is not None:
            scores = scores + mask
        return scores.softmax(-1) @ values


def rotated(x: Tensor, rope: Rope) -> Tensor:
    """Rotate pairs (k, k + d/2) of B x L x heads x d by the angles of each token, in float32."""
    cos, sin = rope.cos[:, None], rope.sin[:, None]  # L x 1 x d/2
    first, second = x.float().chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1).to(x.dtype)


class FeedForward(nn.Module):
    """Two projections with an exact GELU between them."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.layer1 = linear(width, inner)
        self.layer2 = linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return B x L x D."""
        return self.layer2(F.gelu(self.layer1(x)))


def adaln(width: int, inner: int, parts: int) -> nn.Sequential:
    """Return the low-rank map from a noise level to ``parts`` vectors."""
    return nn.Sequential(nn.SiLU(), linear(width, inner), linear(inner, parts * width))


BRANCHES = ("self_attn", "cross_attn", "mlp")


class Block(nn.Module):
    """Self-attention, cross-attention, feed-forward; each is modulated before and gated after."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        width = config.width
        self.self_attn = Attention(width, width, config.heads)
        self.cross_attn = Attention(width, config.context_width, config.heads)
        self.mlp = FeedForward(width, config.mlp_width)
        self.adaln_modulation_self_attn = adaln(width, config.adaln_width, 3)
        self.adaln_modulation_cross_attn = adaln(width, config.adaln_width, 3)
        self.adaln_modulation_mlp = adaln(width, config.adaln_width, 3)

    def modulation(self, level: Tensor, shared: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor], ...]:
        """Return (shift, scale, gate) of the three branches: B x 1 x D each."""
        maps = (self.adaln_modulation_self_attn, self.adaln_modulation_cross_attn, self.adaln_modulation_mlp)
        found = []
        for branch in maps:
            shift, scale, gate = (branch(level) + shared).chunk(3, dim=-1)
            found.append((shift, scale, gate))
        return tuple(found)

    def forward(
        self,
        x: Tensor,
        vectors: tuple[tuple[Tensor, Tensor, Tensor], ...],
        rope: Rope,
        pair: tuple[Tensor, Tensor],
        bias: Tensor | None,
    ) -> Tensor:
        """Return B x L x D; ``x`` is float32 where the weights are float16, since the residual outgrows that type."""
        dtype = self.cross_attn.k_norm.weight.dtype
        (shift, scale, gate), cross, mlp = vectors
        x = gated(x, gate, self.self_attn.among_themselves(modulated(x, shift, scale, dtype), rope))
        shift, scale, gate = cross
        x = gated(x, gate, self.cross_attn.to_context(modulated(x, shift, scale, dtype), pair, bias))
        shift, scale, gate = mlp
        return gated(x, gate, self.mlp(modulated(x, shift, scale, dtype)))


def modulated(x: Tensor, shift: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    """Return LayerNorm(x) (1 + scale) + shift."""
    normed = F.layer_norm(x, x.shape[-1:], eps=EPS)
    return torch.addcmul(shift.to(x.dtype), normed, 1 + scale.to(x.dtype)).to(dtype)


def gated(x: Tensor, gate: Tensor, branch: Tensor) -> Tensor:
    """Return x + gate * branch in the residual's type."""
    return torch.addcmul(x, gate.to(x.dtype), branch.to(x.dtype))


class TimeMlp(nn.Module):
    """From the sinusoid of a noise level to the vector that all modulations share."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_1 = linear(width, width)
        self.linear_2 = linear(width, 3 * width)

    def forward(self, x: Tensor) -> Tensor:
        """Return B x 1 x 3D."""
        return self.linear_2(F.silu(self.linear_1(x)))


class FinalLayer(nn.Module):
    """Modulation and projection to patches."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        self.adaln_modulation = adaln(config.width, config.adaln_width, 2)
        self.linear = linear(config.width, config.out_channels * config.patch**2)


class PatchEmbedding(nn.Module):
    """The projection of patches; the release's name for it has a place for the rearrangement before it."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        self.proj = nn.Sequential(nn.Identity(), linear((config.in_channels + 1) * config.patch**2, config.width))


class Dit(nn.Module):
    """Noisy latents, noise level and prompt to velocity."""

    def __init__(self, config: DitConfig) -> None:
        """Make the network; weights are set by ``load_state_dict`` with the release's names, without ``net.``."""
        super().__init__()
        self.config = config
        self.x_embedder = PatchEmbedding(config)
        self.t_embedder = nn.Sequential(nn.Identity(), TimeMlp(config.width))
        self.t_embedding_norm = RmsNorm(config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.final_layer = FinalLayer(config)
        self._ropes: dict[tuple[int, int, torch.device], Rope] = {}
        self.visit: Callable[[nn.Module], AbstractContextManager[None]] = lambda _block: nullcontext()
        """Surrounds every use of a block's weights; where weights are brought to the device block by block."""

    @property
    def dtype(self) -> torch.dtype:
        """Type in which the network computes."""
        return self.x_embedder.proj[1].weight.dtype  # type: ignore[return-value]

    def forward(self, x: Tensor, level: Modulation, context: KeysValues) -> Tensor:
        """Return the velocity.

        Args:
            x: B x C x H x W latents. Odd sizes are padded by wrapping and cropped back.
            level: of ``modulation``, for one noise level or for B.
            context: of ``keys_values``, for B prompts, or for fewer that divide B: each is then that of several
                pictures in a row.

        Returns:
            B x C x H x W, float32.
        """
        height, width = x.shape[-2:]
        x = F.pad(x, (0, width % 2, 0, height % 2), mode="circular") if height % 2 or width % 2 else x
        rows, columns = x.shape[-2] // 2, x.shape[-1] // 2
        hidden = self.x_embedder.proj(patches(x.to(self.dtype)))  # B x L x D
        if self.dtype is torch.float16:
            hidden = hidden.float()
        rope = self.rope(rows, columns, x.device)
        for block, vectors, pair in zip(self.blocks, level.blocks, context.pairs, strict=True):
            with self.visit(block):
                hidden = block(hidden, vectors, rope, pair, context.bias)
        hidden = modulated(hidden, *level.final, self.dtype)
        y = unpatched(self.final_layer.linear(hidden).float(), rows, columns)
        return y[..., :height, :width]

    # --- what does not depend on the latents -------------------------------------------------------------------------

    def modulation(self, sigmas: Tensor) -> Modulation:
        """Return the modulation vectors of noise levels, sigmas of shape (B,), in float32 up to the sinusoid."""
        device = self.t_embedding_norm.weight.device
        wave = sinusoid(sigmas.to(device=device, dtype=torch.float32), self.config.width)
        wave = wave.to(self.dtype)[:, None]  # B x 1 x D
        level, shared = self.t_embedding_norm(wave), self.t_embedder(wave)
        blocks = []
        for block in self.blocks:
            with self.visit(block):
                blocks.append(block.modulation(level, shared))  # type: ignore[operator]
        final = self.final_layer.adaln_modulation(level) + shared[..., : 2 * self.config.width]
        shift, scale = final.chunk(2, dim=-1)
        return Modulation(blocks, (shift, scale))

    def keys_values(self, context: Context) -> KeysValues:
        """Return keys and values of all cross-attention blocks for a batch of prompts.

        The model was trained to see ``total`` rows, most of them zero. A zero row has key 0 and value 0 in every block,
        so that each adds exp(0) to the softmax's denominator and nothing else: one zero row with the bias ln(count)
        does the same exactly, and the rest is never computed.
        """
        rows = context.rows.to(self.dtype)
        zeros = [max(context.total, length) - length for length in context.lengths]
        bias = None
        if any(zeros) or len(set(context.lengths)) > 1:
            rows = F.pad(rows, (0, 0, 0, 1))  # B x (n + 1) x width
            bias = torch.zeros(len(zeros), 1, 1, rows.shape[1])
            for index, (length, count) in enumerate(zip(context.lengths, zeros, strict=True)):
                bias[index, ..., length:] = -math.inf
                bias[index, ..., -1] = math.log(count) if count else -math.inf
            bias = bias.to(device=rows.device, dtype=self.dtype)
        pairs = []
        for block in self.blocks:
            with self.visit(block):
                pairs.append(block.cross_attn.keys_values(rows))  # type: ignore[operator, union-attr]
        return KeysValues(pairs, bias)

    def rope(self, rows: int, columns: int, device: torch.device) -> Rope:
        """Return the position tables of a picture of ``rows`` x ``columns`` tokens; the last sizes are kept."""
        key = (rows, columns, device)
        if key not in self._ropes:
            if len(self._ropes) >= 16:
                self._ropes.clear()
            self._ropes[key] = Rope(*(t.to(device) for t in rope_tables(rows, columns, self.config.head_width)))
        return self._ropes[key]


def patches(x: Tensor) -> Tensor:
    """Cut B x C x H x W into 2 x 2 patches: B x L x 4(C + 1), channel slowest, with a channel of zeros behind."""
    x = F.pad(x, (0, 0, 0, 0, 0, 1))
    b, c, h, w = x.shape
    x = x.view(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5)  # B x h x w x C x 2 x 2
    return x.reshape(b, (h // 2) * (w // 2), c * 4)


def unpatched(y: Tensor, rows: int, columns: int) -> Tensor:
    """Put B x L x 4C together to B x C x H x W; here the channel is fastest."""
    b, _, values = y.shape
    y = y.view(b, rows, columns, 2, 2, values // 4).permute(0, 5, 1, 3, 2, 4)  # B x C x h x 2 x w x 2
    return y.reshape(b, values // 4, rows * 2, columns * 2)


def sinusoid(t: Tensor, width: int) -> Tensor:
    """Return [cos(t w_j) | sin(t w_j)], w_j = 10000^(-j / (width/2)): B x width. Sigmas are not scaled by 1000."""
    half = width // 2
    rates = torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
    angles = t[:, None] * rates
    return torch.cat((angles.cos(), angles.sin()), dim=-1)


def rope_tables(rows: int, columns: int, head_width: int) -> tuple[Tensor, Tensor]:
    """Return cos and sin of every token's angles [time | height | width]: L x head_width/2, float32.

    Height and width get ``head_width // 6 * 2`` of the channels each, time the rest; time is always 0 here.
    """
    spatial = head_width // 6 * 2
    temporal = head_width - 2 * spatial
    theta = ROPE_BASE * ROPE_STRETCH ** (spatial / (spatial - 2))
    rates = 1.0 / theta ** (torch.arange(0, spatial, 2, dtype=torch.float32) / spatial)
    down = torch.arange(rows, dtype=torch.float32)[:, None] * rates
    across = torch.arange(columns, dtype=torch.float32)[:, None] * rates
    still = torch.zeros(rows, columns, temporal // 2)
    angles = torch.cat(
        (still, down[:, None].expand(-1, columns, -1), across[None].expand(rows, -1, -1)), dim=-1
    ).flatten(0, 1)
    return angles.cos(), angles.sin()


def stacked(contexts: Sequence[Context]) -> Context:
    """Return several prompts as one batch, shorter ones padded."""
    longest = max(context.rows.shape[1] for context in contexts)
    rows = torch.cat([F.pad(c.rows, (0, 0, 0, longest - c.rows.shape[1])) for c in contexts])
    lengths = tuple(length for context in contexts for length in context.lengths)
    return Context(rows, lengths, max(context.total for context in contexts))
