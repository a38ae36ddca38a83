"""The adapter between the text encoder and the DiT: T5 token ids attend to Qwen's hidden states.

Six pre-norm blocks of self-attention, cross-attention and feed-forward, both attentions with rotary positions. The
result stands in the place of the T5 embeddings that the DiT was first trained with. Modules carry the names of the
release's weights.

Source: what ComfyUI 0.29.0 computes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from anima_infer.model.config import AdapterConfig
from anima_infer.model.dit import RmsNorm, Rope, attention, linear, rotated

ROPE_BASE = 10000.0


class AdapterAttention(nn.Module):
    """Multi-head attention with RMS norm and rotary positions on queries and keys."""

    def __init__(self, width: int, source: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = linear(width, width)
        self.k_proj = linear(source, width)
        self.v_proj = linear(source, width)
        self.o_proj = linear(width, width)
        self.q_norm = RmsNorm(width // heads)
        self.k_norm = RmsNorm(width // heads)

    def forward(self, x: Tensor, source: Tensor, at: Rope, there: Rope, mask: Tensor | None) -> Tensor:
        """Attend from ``x`` (B x L x D, positions ``at``) to ``source`` (B x S x E, positions ``there``)."""

        def split(y: Tensor) -> Tensor:
            return y.unflatten(-1, (self.heads, -1))

        queries = rotated(self.q_norm(split(self.q_proj(x))), at).transpose(1, 2)
        keys = rotated(self.k_norm(split(self.k_proj(source))), there).transpose(1, 2)
        values = split(self.v_proj(source)).transpose(1, 2)
        mixed = attention(queries, keys, values, mask)
        if mask is not None:  # a row that may look at nothing gets nothing, whatever the kernel makes of it
            mixed = torch.where(mask.any(-1, keepdim=True), mixed, 0.0)
        return self.o_proj(mixed.transpose(1, 2).flatten(2))


class AdapterBlock(nn.Module):
    """Self-attention, cross-attention, feed-forward, each behind its norm."""

    def __init__(self, config: AdapterConfig) -> None:
        super().__init__()
        width = config.width
        self.norm_self_attn = RmsNorm(width)
        self.norm_cross_attn = RmsNorm(width)
        self.norm_mlp = RmsNorm(width)
        self.self_attn = AdapterAttention(width, width, config.heads)
        self.cross_attn = AdapterAttention(width, config.source_width, config.heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))


class Adapter(nn.Module):
    """T5 ids and Qwen hidden states to context rows."""

    def __init__(self, config: AdapterConfig) -> None:
        """Make the network; weights are set by ``load_state_dict`` with names without ``llm_adapter.``."""
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocabulary, config.target_width)
        if config.width != config.target_width:
            self.in_proj = nn.Linear(config.target_width, config.width)
        self.blocks = nn.ModuleList(AdapterBlock(config) for _ in range(config.blocks))
        self.out_proj = nn.Linear(config.width, config.target_width)
        self.norm = RmsNorm(config.target_width)

    def forward(
        self,
        source: Tensor,
        ids: Tensor,
        *,
        source_mask: Tensor | None = None,
        mask: Tensor | None = None,
        embeddings: Tensor | None = None,
    ) -> Tensor:
        """Return context rows, before weights and before padding.

        Args:
            source: B x S x 1024, hidden states of the text encoder.
            ids: B x L, T5 ids.
            source_mask: B x S, True where ``source`` is real; needed for batches of different lengths.
            mask: B x L, True where ``ids`` are real; padded rows come out as zeros.
            embeddings: B x L x 1024 in place of the embedded ids, for textual embeddings.

        Returns:
            B x L x 1024.
        """
        x = self.embed(ids) if embeddings is None else embeddings
        source = source.to(x.dtype)
        if self.config.width != self.config.target_width:
            x = self.in_proj(x)
        head = self.config.width // self.config.heads
        at, there = rope_1d(x.shape[1], head, x.device), rope_1d(source.shape[1], head, x.device)
        own = None if mask is None else mask[:, None, None, :].expand(-1, 1, x.shape[1], -1)
        other = None if source_mask is None else source_mask[:, None, None, :].expand(-1, 1, x.shape[1], -1)
        for block in self.blocks:
            assert isinstance(block, AdapterBlock)
            normed = block.norm_self_attn(x)
            x = x + block.self_attn(normed, normed, at, at, own)
            x = x + block.cross_attn(block.norm_cross_attn(x), source, at, there, other)
            x = x + block.mlp(block.norm_mlp(x))
        rows: Tensor = self.norm(self.out_proj(x))
        return rows if mask is None else rows * mask[..., None]


def rope_1d(length: int, head_width: int, device: torch.device) -> Rope:
    """Return the position tables of ``length`` tokens: L x head_width/2."""
    rates = 1.0 / ROPE_BASE ** (torch.arange(0, head_width, 2, dtype=torch.float32, device=device) / head_width)
    angles = torch.arange(length, dtype=torch.float32, device=device)[:, None] * rates
    return Rope(angles.cos(), angles.sin())
