"""The adapter between the text encoder and the DiT: T5 token ids attend to Qwen's hidden states.

Six pre-norm blocks of self-attention, cross-attention and feed-forward, both attentions with rotary positions. The
result replaces the T5 embeddings that the DiT was first trained with. Modules carry the names of the release's weights.

Source: ComfyUI 0.29.0 (what it computes).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anima_infer.model.config import AdapterConfig
from anima_infer.model.layers import AttentionFunction, RmsNorm, Rope, apply_rope, linear, split_heads

ROPE_BASE = 10000.0


class AdapterAttention(nn.Module):
    """Multi-head attention with RMS norm and rotary positions on queries and keys."""

    attention_function: AttentionFunction = staticmethod(F.scaled_dot_product_attention)
    """Training may put another one here."""

    def __init__(self, width: int, source_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = linear(width, width)
        self.k_proj = linear(source_width, width)
        self.v_proj = linear(source_width, width)
        self.o_proj = linear(width, width)
        self.q_norm = RmsNorm(width // heads)
        self.k_norm = RmsNorm(width // heads)

    def forward(self, x: Tensor, source: Tensor, rope: Rope, source_rope: Rope, mask: Tensor | None) -> Tensor:
        """Let ``x`` (B, L, D) attend to ``source`` (B, S, E), each with its own positions: (B, L, D)."""
        queries = apply_rope(self.q_norm(split_heads(self.q_proj(x), self.heads)), rope).transpose(1, 2)
        keys = apply_rope(self.k_norm(split_heads(self.k_proj(source), self.heads)), source_rope).transpose(1, 2)
        values = split_heads(self.v_proj(source), self.heads).transpose(1, 2)
        mixed = self.attention_function(queries, keys, values, mask)
        if mask is not None:  # kernels differ on a row that may see nothing; here it is zero
            mixed = torch.where(mask.any(-1, keepdim=True), mixed, 0.0)
        return self.o_proj(mixed.transpose(1, 2).flatten(2))


class AdapterBlock(nn.Module):
    """Self-attention, cross-attention, feed-forward, each after its norm."""

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
    """T5 ids and Qwen's hidden states to the rows that the DiT attends to."""

    def __init__(self, config: AdapterConfig) -> None:
        """Build the network; ``load_state_dict`` sets the weights, named without ``llm_adapter.``."""
        super().__init__()
        self.config = config
        table = torch.empty(config.vocabulary, config.target_width)
        self.embed = nn.Embedding.from_pretrained(table, freeze=False)  # draws no values, which imports torch._dynamo
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
        """Return rows (B, L, 1024), before the prompt's weights and before padding.

        Args:
            source: hidden states of the text encoder, (B, S, 1024).
            ids: T5 ids, (B, L).
            source_mask: (B, S), True where ``source`` is not padding; needed for batches of different lengths.
            mask: (B, L), True where ``ids`` are not padding; rows of padding are zero in the result.
            embeddings: (B, L, 1024), used instead of the embedded ids (textual embeddings).
        """
        x = self.embed(ids) if embeddings is None else embeddings
        source = source.to(x.dtype)
        if self.config.width != self.config.target_width:
            x = self.in_proj(x)
        head = self.config.width // self.config.heads
        rope, source_rope = rope_1d(x.shape[1], head, x.device), rope_1d(source.shape[1], head, x.device)
        self_mask = None if mask is None else mask[:, None, None, :].expand(-1, 1, x.shape[1], -1)
        cross_mask = None if source_mask is None else source_mask[:, None, None, :].expand(-1, 1, x.shape[1], -1)
        for block in self.blocks:
            assert isinstance(block, AdapterBlock)
            normed = block.norm_self_attn(x)
            x = x + block.self_attn(normed, normed, rope, rope, self_mask)
            x = x + block.cross_attn(block.norm_cross_attn(x), source, rope, source_rope, cross_mask)
            x = x + block.mlp(block.norm_mlp(x))
        rows: Tensor = self.norm(self.out_proj(x))
        return rows if mask is None else rows * mask[..., None]


def rope_1d(length: int, head_width: int, device: torch.device) -> Rope:
    """Return the position tables of a line of tokens."""
    rates = 1.0 / ROPE_BASE ** (torch.arange(0, head_width, 2, dtype=torch.float32, device=device) / head_width)
    angles = torch.arange(length, dtype=torch.float32, device=device)[:, None] * rates
    return Rope(angles.cos(), angles.sin())
