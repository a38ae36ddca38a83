"""The diffusion transformer of Anima: Cosmos-Predict2 2B for one frame (MiniTrainDIT).

One forward pass maps noisy latents, a noise level and a prompt to the velocity ``noise - data``. What does not depend
on the latents is computed once and passed in: keys and values of the prompt, modulation of the noise level.

Source: ComfyUI 0.29.0 (what it computes); Agarwal et al. 2025, "Cosmos World Foundation Model".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anima_infer.model.config import DitConfig
from anima_infer.model.inputs import BlockModulation, Conditioning, KeysValues, LevelModulation
from anima_infer.model.layers import (
    Attention,
    FeedForward,
    Modulation,
    RmsNorm,
    Rope,
    TimeMlp,
    adaln,
    add_gated,
    linear,
    modulate,
    patchify,
    rope_2d,
    sinusoid,
    unpatchify,
)

_MOST_ROPES = 16
"""Image sizes whose position tables are cached."""


class Dit(nn.Module):
    """Noisy latents, noise level and prompt to velocity."""

    def forward(self, x: Tensor, modulation: LevelModulation, prompt: KeysValues) -> Tensor:
        """Return the velocity, (B, C, H, W), float32.

        Args:
            x: latents, (B, C, H, W). Odd sizes are padded by wrapping round, and cropped again.
            modulation: of ``compute_modulation``, for one noise level or for B.
            prompt: of ``compute_keys_values``, for B prompts, or for fewer that divide B: each is then shared by
                neighbors in the batch.
        """
        height, width = x.shape[-2:]
        x = F.pad(x, (0, width % 2, 0, height % 2), mode="circular") if height % 2 or width % 2 else x
        rows, columns = x.shape[-2] // 2, x.shape[-1] // 2
        hidden = self.x_embedder.proj(patchify(x.to(self.dtype)))  # (B, L, D)
        if self.dtype is torch.float16:
            hidden = hidden.float()  # the residual outgrows float16
        rope = self._rope(rows, columns, x.device)
        for block, branches, (keys, values) in zip(self.blocks, modulation.blocks, prompt.pairs, strict=True):
            with self.block_loader(block):
                hidden = block(hidden, branches, rope, keys, values, prompt.bias)
        hidden = modulate(hidden, modulation.final_shift, modulation.final_scale, self.dtype)
        velocity = unpatchify(self.final_layer.linear(hidden).float(), rows, columns)
        return velocity[..., :height, :width]

    def __init__(self, config: DitConfig) -> None:
        """Build the network; ``load_state_dict`` sets the weights, named as in the release without ``net.``."""
        super().__init__()
        self.config = config
        self.x_embedder = PatchEmbedding(config)
        self.t_embedder = nn.Sequential(nn.Identity(), TimeMlp(config.width))
        self.t_embedding_norm = RmsNorm(config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.final_layer = FinalLayer(config)
        self._ropes: dict[tuple[int, int, torch.device], Rope] = {}
        self.block_loader: Callable[[nn.Module], AbstractContextManager[None]] = lambda _block: nullcontext()
        """Entered around every use of a block's weights; offloading brings them to the device there."""

    @property
    def dtype(self) -> torch.dtype:
        """The dtype that the network computes in."""
        return self.x_embedder.proj[1].weight.dtype  # type: ignore[return-value]

    # --- what does not depend on the latents -------------------------------------------------------------------------

    def compute_modulation(self, sigmas: Tensor) -> LevelModulation:
        """Return the modulation of noise levels, sigmas of shape (B,)."""
        device = self.t_embedding_norm.weight.device
        wave = sinusoid(sigmas.to(device=device, dtype=torch.float32), self.config.width)
        wave = wave.to(self.dtype)[:, None]  # (B, 1, D)
        level, shared = self.t_embedding_norm(wave), self.t_embedder(wave)
        blocks = []
        for block in self.blocks:
            with self.block_loader(block):
                blocks.append(block.compute_modulation(level, shared))  # type: ignore[operator]
        final = self.final_layer.adaln_modulation(level) + shared[..., : 2 * self.config.width]
        shift, scale = final.chunk(2, dim=-1)
        return LevelModulation(blocks, shift, scale)

    def compute_keys_values(self, conditioning: Conditioning) -> KeysValues:
        """Return keys and values of all cross-attention layers for a batch of prompts.

        The model was trained to see ``total`` rows, most of them zero. A zero row has key 0 and value 0 in every block,
        so that each adds exp(0) to the softmax's denominator and nothing else: one zero row with the bias ln(count)
        does the same exactly, and the rest is never computed.
        """
        rows = conditioning.rows.to(self.dtype)
        zeros = [max(conditioning.total, length) - length for length in conditioning.lengths]
        bias = None
        if any(zeros) or len(set(conditioning.lengths)) > 1:
            rows = F.pad(rows, (0, 0, 0, 1))  # (B, n + 1, width)
            bias = torch.zeros(len(zeros), 1, 1, rows.shape[1])
            for index, (length, count) in enumerate(zip(conditioning.lengths, zeros, strict=True)):
                bias[index, ..., length:] = -math.inf
                bias[index, ..., -1] = math.log(count) if count else -math.inf
            bias = bias.to(device=rows.device, dtype=self.dtype)
        pairs = []
        for block in self.blocks:
            with self.block_loader(block):
                pairs.append(block.cross_attn.project_keys_values(rows))  # type: ignore[operator, union-attr]
        return KeysValues(pairs, bias)

    def _rope(self, rows: int, columns: int, device: torch.device) -> Rope:
        """Return the position tables of an image size; the tables of the last sizes are cached."""
        key = (rows, columns, device)
        if key not in self._ropes:
            if len(self._ropes) >= _MOST_ROPES:
                self._ropes.clear()
            with torch.inference_mode(mode=False):  # the same tables may serve training later
                self._ropes[key] = Rope(*(table.to(device) for table in rope_2d(rows, columns, self.config.head_width)))
        return self._ropes[key]


class Block(nn.Module):
    """Self-attention, cross-attention, feed-forward; the input of each is modulated, its output gated."""

    def forward(
        self, x: Tensor, branches: BlockModulation, rope: Rope, keys: Tensor, values: Tensor, key_bias: Tensor | None
    ) -> Tensor:
        """Return (B, L, D); ``x`` is float32 where the weights are float16."""
        dtype = self.cross_attn.k_norm.weight.dtype
        shift, scale, gate = branches.self_attn
        x = add_gated(x, gate, self.self_attn.self_attend(modulate(x, shift, scale, dtype), rope))
        shift, scale, gate = branches.cross_attn
        x = add_gated(x, gate, self.cross_attn.cross_attend(modulate(x, shift, scale, dtype), keys, values, key_bias))
        shift, scale, gate = branches.mlp
        return add_gated(x, gate, self.mlp(modulate(x, shift, scale, dtype)))

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        width = config.width
        self.self_attn = Attention(width, width, config.heads)
        self.cross_attn = Attention(width, config.context_width, config.heads)
        self.mlp = FeedForward(width, config.mlp_width)
        self.adaln_modulation_self_attn = adaln(width, config.adaln_width, 3)
        self.adaln_modulation_cross_attn = adaln(width, config.adaln_width, 3)
        self.adaln_modulation_mlp = adaln(width, config.adaln_width, 3)

    def compute_modulation(self, level: Tensor, shared: Tensor) -> BlockModulation:
        """Return the modulation of the three branches from a level's embedding and the vector that all blocks share."""
        maps = (self.adaln_modulation_self_attn, self.adaln_modulation_cross_attn, self.adaln_modulation_mlp)
        return BlockModulation(*(Modulation(*(branch(level) + shared).chunk(3, dim=-1)) for branch in maps))


class PatchEmbedding(nn.Module):
    """Patch projection. The leading Identity makes the weight's key ``proj.1.weight``, as in the release."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        self.proj = nn.Sequential(nn.Identity(), linear((config.in_channels + 1) * config.patch**2, config.width))


class FinalLayer(nn.Module):
    """Modulation and projection to patches."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        self.adaln_modulation = adaln(config.width, config.adaln_width, 2)
        self.linear = linear(config.width, config.out_channels * config.patch**2)
