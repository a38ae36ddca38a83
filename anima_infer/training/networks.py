"""The networks that are trained together, and the velocity that they predict for a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from anima_infer.model.adapter import Adapter
from anima_infer.model.config import CONTEXT_ROWS
from anima_infer.model.dit import Dit
from anima_infer.model.inputs import Conditioning
from anima_infer.model.text import TextEncoder


@dataclass(frozen=True, slots=True)
class EncodedCaption:
    """A caption as the networks read it; rows of padding are never stored."""

    t5: tuple[int, ...]
    """T5 ids, with the end of the text."""

    hidden: Tensor | None = None
    """Hidden states of the text encoder, (n, width); None where the text encoder is trained."""

    qwen: tuple[int, ...] = ()
    """Qwen's ids; read where the text encoder is trained."""


def empty_caption(width: int) -> EncodedCaption:
    """Return the caption that guidance compares with: T5's end of text alone, and no hidden state.

    sd-scripts trains dropped captions so; it differs a little from the encoded empty text that ComfyUI renders with.
    """
    return EncodedCaption((1,), torch.zeros(0, width))


@dataclass(slots=True)
class TrainingNetworks:
    """DiT, adapter, and the text encoder where it is trained too."""

    dit: Dit
    adapter: Adapter
    text: TextEncoder | None = None
    context_rows: int = CONTEXT_ROWS

    def contexts(self, captions: Sequence[EncodedCaption]) -> Conditioning:
        """Return the conditioning of a batch of captions, equal to that of each alone."""
        device = self.dit.t_embedding_norm.weight.device
        ids, mask = _padded([torch.tensor(caption.t5) for caption in captions])
        source, source_mask = _padded([self._hidden(caption) for caption in captions])
        source, source_mask = source.to(device), source_mask.to(device)
        rows = self.adapter(source, ids.to(device), source_mask=source_mask, mask=mask.to(device))
        return Conditioning(rows, tuple(len(caption.t5) for caption in captions), self.context_rows)

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


def _padded(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return tensors of different lengths as one, at least one row long, and a mask of what is not padding."""
    longest = max(1, *(len(row) for row in rows))
    batch = rows[0].new_zeros(len(rows), longest, *rows[0].shape[1:])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for index, row in enumerate(rows):
        batch[index, : len(row)] = row
        mask[index, : len(row)] = True
    return batch, mask
