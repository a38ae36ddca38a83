"""Loss of images that are not trained on, at fixed noise and at fixed places in the distribution of noise levels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from anima_infer.training.data.order import mixed
from anima_infer.training.data.prepared import PreparedData
from anima_infer.training.running.steps import Objective, collected
from anima_infer.training.timesteps import TimestepSampling


def raw_at(sampling: TimestepSampling, quantile: float) -> Tensor:
    """Return the random number at a quantile of its distribution, shape (1,)."""
    place = torch.tensor([quantile], dtype=torch.float64)
    return (torch.special.ndtri(place) if sampling.draws_normal else place).float()


class Validation:
    """A measurement that is the same function of the networks whenever it is made."""

    def __init__(
        self, data: PreparedData, objective: Objective, quantiles: Sequence[float], seed: int, device: torch.device
    ) -> None:
        """Use these samples, with the first text of each."""
        self.data, self.objective, self.quantiles = data, objective, tuple(quantiles)
        self.seed, self.device = seed, device

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Return the mean loss, and that of each quantile."""
        networks = [self.objective.networks.dit, self.objective.networks.adapter]
        for network in networks:
            network.eval()
        try:
            by_quantile = {f"{quantile:g}": self._at(quantile) for quantile in self.quantiles}
        finally:
            for network in networks:
                network.train()
        return {"mean": sum(by_quantile.values()) / len(by_quantile), **by_quantile}

    def _at(self, quantile: float) -> float:
        raw, losses = raw_at(self.objective.sampling, quantile), []
        for index, sample in enumerate(self.data.samples):
            captions = (self.data.caption(sample.captions[0]),)
            batch = collected([self.data.latents(sample.latents)], captions, [sample], self.device)
            source = torch.Generator().manual_seed(mixed(self.seed, "validation", index, quantile))
            noise = torch.randn(batch.latents.shape, generator=source).to(self.device)
            loss, _ = self.objective.of(batch, noise, raw)
            losses.append(float(loss))
        return sum(losses) / len(losses)
