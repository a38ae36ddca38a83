"""One step of a training: which samples, which noise, which loss. Everything random depends on seed and step alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from anima_infer.training.data.order import Order, mixed
from anima_infer.training.data.prepared import PreparedData, Sample
from anima_infer.training.losses import Loss
from anima_infer.training.networks import EncodedCaption, TrainingNetworks, empty_caption
from anima_infer.training.timesteps import Levels, TimestepSampling, add_noise


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of one size, on the device."""

    latents: Tensor
    """(B, 16, h, w)."""

    mask: Tensor | None
    """(B, 1, h, w)."""

    captions: tuple[EncodedCaption, ...]
    offsets: Tensor
    """Added to the normal numbers of the noise levels, (B,)."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What is learned from a batch."""

    networks: TrainingNetworks
    sampling: TimestepSampling
    loss: Loss
    dtype: torch.dtype

    def of(self, batch: Batch, noise: Tensor, raw: Tensor) -> tuple[Tensor, Levels]:
        """Return the loss of each sample, (B,), and the noise levels.

        Args:
            batch: samples.
            noise: in the shape of the latents.
            raw: random numbers of the noise levels, (B,).
        """
        tokens = math.prod(side // 2 for side in batch.latents.shape[-2:])
        levels = self.sampling.levels(raw, tokens=tokens, dtype=self.dtype, offsets=batch.offsets)
        device = batch.latents.device
        levels = Levels(levels.sigmas.to(device), levels.timesteps.to(device), levels.weights.to(device))
        contexts = self.networks.contexts(batch.captions)
        noisy = add_noise(batch.latents, noise, levels.sigmas)
        velocity = self.networks.velocity(noisy, levels.timesteps, contexts)
        losses = self.loss.of_samples(velocity, noise - batch.latents, levels=levels, mask=batch.mask)
        return losses, levels


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws the batches of a training."""

    data: PreparedData
    order: Order
    sampling: TimestepSampling
    caption_dropout: float
    seed: int
    width: int
    """Of the text encoder's hidden states."""

    device: torch.device

    def batch(self, number: int) -> tuple[Batch, Tensor, Tensor]:
        """Return a batch counted from the start of the training, its noise, and the numbers of its noise levels."""
        source = torch.Generator().manual_seed(mixed(self.seed, "batch", number))
        samples = [self.data.samples[index] for index in self.order.at(number)]
        batch = self._collected(samples, source)
        noise = torch.randn(batch.latents.shape, generator=source)
        raw = self.sampling.draw(len(samples), source)
        return batch, noise.to(self.device), raw

    def _collected(self, samples: Sequence[Sample], source: torch.Generator) -> Batch:
        pairs = [self.data.latents(self._latents_key(sample, source)) for sample in samples]
        captions = tuple(self._caption(sample, source) for sample in samples)
        return collected(pairs, captions, samples, self.device)

    def _latents_key(self, sample: Sample, source: torch.Generator) -> str:
        if sample.flipped is not None and _chance(source) < 0.5:
            return sample.flipped
        return sample.latents

    def _caption(self, sample: Sample, source: torch.Generator) -> EncodedCaption:
        if self.caption_dropout and _chance(source) < self.caption_dropout:
            return empty_caption(self.width)
        index = int(torch.randint(len(sample.captions), (), generator=source)) if len(sample.captions) > 1 else 0
        return self.data.caption(sample.captions[index])


def collected(
    pairs: Sequence[tuple[Tensor, Tensor | None]],
    captions: tuple[EncodedCaption, ...],
    samples: Sequence[Sample],
    device: torch.device,
) -> Batch:
    """Return samples as one batch; where one image has a mask, images without count whole."""
    latents = torch.stack([latents for latents, _ in pairs]).to(device)
    mask = None
    if any(mask is not None for _, mask in pairs):
        whole = torch.ones(1, *latents.shape[-2:])
        mask = torch.stack([whole if mask is None else mask for _, mask in pairs]).to(device)
    offsets = torch.tensor([sample.image.folder.timestep_offset for sample in samples])
    return Batch(latents, mask, captions, offsets)


def _chance(source: torch.Generator) -> float:
    return float(torch.rand((), generator=source))
