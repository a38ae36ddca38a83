"""The networks that are trained together, and the velocity that they predict for a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from anima_infer.model.adapter import Adapter
from anima_infer.model.config import CONTEXT_ROWS
from anima_infer.model.dit import Dit
from anima_infer.model.inputs import Conditioning
from anima_infer.model.text import TextEncoder
from anima_prompt.tokens import T5_END


@dataclass(frozen=True, slots=True)
class EncodedCaption:
    """A caption as the networks read it; rows of padding are never stored."""

    t5: tuple[int, ...]
    """T5 ids, with the end of the text."""

    context: Tensor | None = None
    """What the adapter makes of it, (len(t5), width); None where the adapter is trained."""

    hidden: Tensor | None = None
    """Hidden states of the text encoder, (n, width); None where the text encoder is trained, or not needed."""

    qwen: tuple[int, ...] = ()
    """Qwen's ids; read where the text encoder is trained."""


def empty_caption(width: int) -> EncodedCaption:
    """Return the caption that guidance compares with: T5's end of text alone, and no hidden state.

    sd-scripts trains dropped captions so; it differs a little from the encoded empty text that ComfyUI renders with.

    Args:
        width: of the text encoder's hidden states.
    """
    return EncodedCaption((T5_END,), hidden=torch.zeros(0, width))


@dataclass(slots=True)
class TrainingNetworks:
    """The DiT, and adapter and text encoder where they are trained too."""

    dit: Dit
    adapter: Adapter | None = None
    text: TextEncoder | None = None
    context_rows: int = CONTEXT_ROWS

    @property
    def trained(self) -> list[nn.Module]:
        """The networks that are in memory."""
        return [network for network in (self.dit, self.adapter, self.text) if network is not None]

    def contexts(self, captions: Sequence[EncodedCaption]) -> Conditioning:
        """Return the conditioning of a batch of captions, equal to that of each alone."""
        device, lengths = self.dit.t_embedding_norm.weight.device, tuple(len(caption.t5) for caption in captions)
        cached = [caption.context for caption in captions if caption.context is not None]
        if len(cached) == len(captions):
            return Conditioning(_padded(cached)[0].to(device), lengths, self.context_rows)
        assert self.adapter is not None
        hidden = [self._hidden(caption) for caption in captions]
        rows = encode_captions(self.adapter, [caption.t5 for caption in captions], hidden)
        return Conditioning(rows, lengths, self.context_rows)

    def velocity(self, noisy: Tensor, timesteps: Tensor, contexts: Conditioning) -> Tensor:
        """Return the velocity of latents (B, 16, H, W), float32.

        Args:
            noisy: noised latents.
            timesteps: noise level that the network is told, (B,).
            contexts: of B captions.
        """
        modulation = self.dit.compute_modulation(timesteps)
        velocity: Tensor = self.dit(noisy, modulation, self.dit.compute_keys_values(contexts))
        return velocity

    def _hidden(self, caption: EncodedCaption) -> Tensor:
        if caption.hidden is not None:
            return caption.hidden
        assert self.text is not None
        hidden: Tensor = self.text(torch.tensor([caption.qwen], device=next(self.text.parameters()).device))
        return hidden[0]


def encode_captions(adapter: Adapter, ids: Sequence[Sequence[int]], hidden: Sequence[Tensor]) -> Tensor:
    """Return what an adapter makes of captions, (B, longest, width); rows of padding are zero."""
    device = adapter.norm.weight.device
    t5, mask = _padded([torch.tensor(row) for row in ids])
    source, source_mask = _padded(hidden)
    rows: Tensor = adapter(source.to(device), t5.to(device), source_mask=source_mask.to(device), mask=mask.to(device))
    return rows


def _padded(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return tensors of different lengths as one, at least one row long, and a mask of what is not padding."""
    longest = max(1, *(len(row) for row in rows))
    batch = rows[0].new_zeros(len(rows), longest, *rows[0].shape[1:])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for index, row in enumerate(rows):
        batch[index, : len(row)] = row
        mask[index, : len(row)] = True
    return batch, mask
