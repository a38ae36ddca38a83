"""The text encoder: Qwen3's layers, as transformers has them.

Source: what ComfyUI 0.29.0 computes.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from anima_infer.model.config import TextConfig

ROPE_THETA = 1_000_000.0


class TextEncoder(nn.Module):
    """Qwen3's layers and final norm, as transformers has them."""

    def __init__(self, config: TextConfig) -> None:
        """Make the network on the current device; weights are set later."""
        super().__init__()
        from transformers import Qwen3Config, Qwen3Model

        made: Any = Qwen3Config(
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
        made._attn_implementation = "sdpa"  # noqa: SLF001  how transformers is told
        self.model: Any = Qwen3Model(made)

    def forward(self, ids: Tensor, mask: Tensor | None = None, *, embeddings: Tensor | None = None) -> Tensor:
        """Return the hidden states behind the final norm: B x S x width.

        Args:
            ids: B x S, padded on the right; causal attention keeps padding out of the rows before it.
            mask: B x S, 1 where ids are real.
            embeddings: B x S x width in place of the embedded ids.
        """
        if embeddings is not None:
            return self.model(inputs_embeds=embeddings, attention_mask=mask).last_hidden_state
        return self.model(input_ids=ids, attention_mask=mask).last_hidden_state
