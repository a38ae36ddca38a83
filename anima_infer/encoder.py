"""From a prompt's weighted segments to the conditioning that the DiT attends to: Qwen3, T5 ids, adapter, weights.

Source: ComfyUI 0.29.0 (what it computes).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from anima_infer.checkpoint.embeddings import Embeddings
from anima_infer.errors import SettingsError
from anima_infer.model.adapter import Adapter
from anima_infer.model.inputs import Conditioning
from anima_infer.model.text import TextEncoder
from anima_prompt.tokens import T5_END, Tokenizers, Tokens

MOST_TOKENS = 20_000
"""Ids of one prompt; the self-attention of longer ones needs more memory than any card has."""

_LARGEST = torch.finfo(torch.float32).max


class PromptEncoder:
    """Prompts to conditionings."""

    def __init__(
        self, tokenizers: Tokenizers, text: TextEncoder, adapter: Adapter, embeddings: Embeddings | None = None
    ) -> None:
        """Use these parts. Without ``embeddings``, ``embedding:NAME`` is ordinary text."""
        self.tokenizers, self.text, self.adapter, self.embeddings = tokenizers, text, adapter, embeddings

    @property
    def device(self) -> torch.device:
        """The device that the adapter computes on."""
        return self.adapter.norm.weight.device

    @torch.inference_mode()
    def encode(self, segments: Iterable[tuple[str, float]], *, zero_if_empty: bool = False) -> Conditioning:
        """Return the conditioning of one prompt.

        Args:
            segments: texts with weights; each is tokenized by itself.
            zero_if_empty: how an empty prompt is encoded. False, as in ComfyUI: Qwen reads an end-of-text token. True,
                as in diffusers and in training: the adapter attends to nothing. The two make different images.

        Raises:
            SettingsError: the prompt is far too long, or a weight is not finite.
            CheckpointError: an embedding that the prompt names does not exist or does not fit.
        """
        segments = [(text, weight) for text, weight in segments if text]
        for text, weight in segments:
            if not abs(weight) <= _LARGEST:
                raise SettingsError(f"weight of '{text.strip()[:60]}' is {weight:g}; write a finite number such as 1.2")
        if self.embeddings is not None and any("embedding:" in text for text, _ in segments):
            return self._encode_with_embeddings(segments, self.embeddings)
        return self.encode_tokens(self.tokens(segments), without_source=zero_if_empty and not segments)

    def tokens(self, segments: Sequence[tuple[str, float]]) -> Tokens:
        """Return the ids of a prompt.

        Raises:
            SettingsError: there are far too many.
        """
        tokens = self.tokenizers.encode(segments)
        count = max(len(tokens.qwen), len(tokens.t5))
        if count > MOST_TOKENS:
            raise SettingsError(f"the prompt has {count} tokens; at most {MOST_TOKENS} are encoded, shorten it")
        return tokens

    @torch.inference_mode()
    def encode_tokens(self, tokens: Tokens, *, without_source: bool = False) -> Conditioning:
        """Return the conditioning of ids; ``without_source``, the adapter attends to nothing."""
        device = self.device
        ids = torch.tensor([tokens.t5], device=device)
        source_mask = None
        if without_source:
            source = torch.zeros(1, 1, self.text.model.config.hidden_size, device=device)
            source_mask = torch.zeros(1, 1, dtype=torch.bool, device=device)
        else:
            qwen = torch.tensor([tokens.qwen], device=next(self.text.parameters()).device)
            source = self.text(qwen).to(device)
        rows = self.adapter(source, ids, source_mask=source_mask)
        weights = torch.tensor(tokens.weights, device=device, dtype=torch.float32)
        return _conditioning(rows, weights)

    def _encode_with_embeddings(self, segments: Sequence[tuple[str, float]], embeddings: Embeddings) -> Conditioning:
        """Return the conditioning of a prompt in which some rows are learned vectors."""
        width, t5_width = self.text.model.config.hidden_size, self.adapter.config.target_width
        device, embed = self.device, self.text.model.get_input_embeddings()
        qwen: list[Tensor] = []
        t5: list[Tensor] = []
        weights: list[float] = []
        for text, weight in segments:
            for piece in embeddings.split(text, qwen_width=width, t5_width=t5_width):
                if isinstance(piece, str):
                    tokens = self.tokens([(piece, weight)])
                    qwen.append(embed(torch.tensor(tokens.qwen, device=embed.weight.device)))
                    rows = self.adapter.embed(torch.tensor(tokens.t5[:-1], dtype=torch.long, device=device))
                else:
                    qwen.append(piece.qwen.to(embed.weight))
                    rows = torch.empty(0, t5_width, device=device) if piece.t5 is None else piece.t5.to(device)
                t5.append(rows.to(self.adapter.norm.weight.dtype))
                weights += [weight] * len(rows)
        end = torch.tensor([T5_END], device=device)
        rows = torch.cat([*t5, self.adapter.embed(end)])[None]
        source = self.text(end, embeddings=torch.cat(qwen)[None]).to(device)
        return _conditioning(self.adapter(source, end, embeddings=rows), torch.tensor([*weights, 1.0], device=device))


def _conditioning(rows: Tensor, weights: Tensor) -> Conditioning:
    """Return rows (1, L, D) multiplied by the prompt's weights (L,)."""
    return Conditioning(rows * weights[None, :, None].to(rows.dtype), (rows.shape[1],))
