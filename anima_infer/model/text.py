"""The text encoder: the Qwen3 model of transformers.

Source: ComfyUI 0.29.0 (what it computes).
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from anima_infer.model.config import TextConfig

ROPE_THETA = 1_000_000.0


class TextEncoder(nn.Module):
    """Qwen3's layers and final norm."""

    def __init__(self, config: TextConfig) -> None:
        """Build the network on the current device, without weights."""
        super().__init__()
        from transformers import Qwen3Config, Qwen3Model

        qwen_config: Any = Qwen3Config(
            vocab_size=config.vocabulary,
            hidden_size=config.width,
            intermediate_size=config.mlp_width,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.kv_heads,
            head_dim=config.head_width,
            rms_norm_eps=1e-6,
            rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
            rope_theta=ROPE_THETA,
            attention_bias=False,
            tie_word_embeddings=True,
            use_cache=False,
        )
        qwen_config._attn_implementation = "sdpa"  # noqa: SLF001  the only way to choose it for a bare model
        self.model: Any = Qwen3Model(qwen_config)

    def forward(self, ids: Tensor, mask: Tensor | None = None, *, embeddings: Tensor | None = None) -> Tensor:
        """Return the hidden states after the final norm, (B, S, width).

        Args:
            ids: (B, S), padded on the right; causal attention keeps padding out of the rows before it.
            mask: (B, S), 1 where ids are not padding.
            embeddings: (B, S, width), used instead of the embedded ids.
        """
        if embeddings is not None:
            return self.model(inputs_embeds=embeddings, attention_mask=mask).last_hidden_state
        return self.model(input_ids=ids, attention_mask=mask).last_hidden_state
