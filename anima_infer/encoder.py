"""From weighted segments to the context that the DiT attends to: Qwen3, T5 ids, adapter, weights.

Source: what ComfyUI 0.29.0 computes.
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


class Encoder:
    """Prompts to contexts."""

    def __init__(
        self, tokenizers: Tokenizers, text: TextEncoder, adapter: Adapter, embeddings: Embeddings | None = None
    ) -> None:
        """Hold the parts. Without ``embeddings``, ``embedding:NAME`` is ordinary text."""
        self.tokenizers, self.text, self.adapter, self.embeddings = tokenizers, text, adapter, embeddings

    @property
    def device(self) -> torch.device:
        """Where the adapter computes."""
        return self.adapter.norm.weight.device

    @torch.inference_mode()
    def encode(self, segments: Iterable[tuple[str, float]], *, zero_if_empty: bool = False) -> Conditioning:
        """Return the context of one prompt.

        Args:
            segments: texts with weights; each is tokenized by itself.
            zero_if_empty: what an empty prompt is. False, as in ComfyUI: Qwen reads an end-of-text token. True, as in
                diffusers and in training: the adapter sees no source at all. The two make different images.

        Raises:
            SettingsError: the prompt is far too long, or a weight is not finite.
            CheckpointError: an embedding that it names is not there or does not fit.
        """
        segments = [(text, weight) for text, weight in segments if text]
        for text, weight in segments:
            if not abs(weight) <= _LARGEST:
                raise SettingsError(f"weight of '{text.strip()[:60]}' is {weight:g}; write a finite number such as 1.2")
        if self.embeddings is not None and any("embedding:" in text for text, _ in segments):
            return self._with_embeddings(segments, self.embeddings)
        return self.contexts([self.tokens(segments)], zero=[zero_if_empty and not segments])[0]

    def tokens(self, segments: Sequence[tuple[str, float]]) -> Tokens:
        """Return the ids of a prompt.

        Raises:
            SettingsError: there are far too many.
        """
        tokens = self.tokenizers.encode(segments)
        most = max(len(tokens.qwen), len(tokens.t5))
        if most > MOST_TOKENS:
            raise SettingsError(f"the prompt has {most} tokens; at most {MOST_TOKENS} are encoded, shorten it")
        return tokens

    @torch.inference_mode()
    def contexts(self, prompts: Sequence[Tokens], *, zero: Sequence[bool] | None = None) -> list[Conditioning]:
        """Return the contexts of several prompts, encoded one by one: the same rows whatever the company."""
        found = []
        for index, tokens in enumerate(prompts):
            blank = zero is not None and zero[index]
            found.append(self._one(tokens, blank=blank))
        return found

    def _with_embeddings(self, segments: Sequence[tuple[str, float]], embeddings: Embeddings) -> Conditioning:
        """Return the context of a prompt in which some rows are learned vectors."""
        width, target = self.text.model.config.hidden_size, self.adapter.config.target_width
        device, embed = self.device, self.text.model.get_input_embeddings()
        qwen: list[Tensor] = []
        t5: list[Tensor] = []
        weights: list[float] = []
        for text, weight in segments:
            for part in embeddings.split(text, qwen_width=width, t5_width=target):
                if isinstance(part, str):
                    tokens = self.tokens([(part, weight)])
                    qwen.append(embed(torch.tensor(tokens.qwen, device=embed.weight.device)))
                    rows = self.adapter.embed(torch.tensor(tokens.t5[:-1], dtype=torch.long, device=device))
                else:
                    qwen.append(part.qwen.to(embed.weight))
                    rows = torch.empty(0, target, device=device) if part.t5 is None else part.t5.to(device)
                t5.append(rows.to(self.adapter.norm.weight.dtype))
                weights += [weight] * len(rows)
        end = torch.tensor([T5_END], device=device)
        rows = torch.cat([*t5, self.adapter.embed(end)])[None]
        source = self.text(end, embeddings=torch.cat(qwen)[None]).to(device)
        made = self.adapter(source, end, embeddings=rows)
        made = made * torch.tensor([*weights, 1.0], device=device)[None, :, None].to(made.dtype)
        return Conditioning(made, (made.shape[1],))

    def _one(self, tokens: Tokens, *, blank: bool) -> Conditioning:
        device = self.device
        ids = torch.tensor([tokens.t5], device=device)
        qwen = torch.tensor([tokens.qwen], device=next(self.text.parameters()).device)
        source_mask = None
        if blank:
            width = self.text.model.config.hidden_size
            source = torch.zeros(1, 1, width, device=device)
            source_mask = torch.zeros(1, 1, dtype=torch.bool, device=device)
        else:
            source = self.text(qwen).to(device)
        rows = self.adapter(source, ids, source_mask=source_mask)
        weights = torch.tensor(tokens.weights, device=device, dtype=torch.float32)
        rows = rows * weights[None, :, None].to(rows.dtype)
        return Conditioning(rows, (rows.shape[1],))
