"""Rectified flow: noise levels for training, and the loss.

``x = (1 - sigma) data + sigma noise``; the model learns the velocity ``noise - data``. Sources: Liu et al. 2022; Esser
et al. 2024 (logit-normal times, shift).
"""

from __future__ import annotations

import torch
from torch import Tensor

from anima_infer.errors import SettingsError
from anima_infer.sampling.schedule import SHIFT

METHODS = ("uniform", "sigmoid", "shift")


def sample_sigmas(
    count: int, source: torch.Generator, *, method: str = "shift", scale: float = 1.0, shift: float = SHIFT
) -> Tensor:
    """Return random sigmas for training, shape (count,), float32.

    Args:
        count: number of sigmas.
        source: random generator.
        method: ``uniform``; ``sigmoid``: logistic function of a normal; ``shift``: that, shifted towards noise.
        scale: deviation of the normal.
        shift: of ``shift``; sampling uses 3.

    Raises:
        SettingsError: the method is unknown.
    """
    if method not in METHODS:
        raise SettingsError(f"timestep sampling is '{method}'; expected one of {', '.join(METHODS)}")
    if method == "uniform":
        return torch.rand(count, generator=source)
    sigmas = torch.sigmoid(scale * torch.randn(count, generator=source))
    return sigmas if method == "sigmoid" else shift * sigmas / (1 + (shift - 1) * sigmas)


def add_noise(data: Tensor, noise: Tensor, sigmas: Tensor) -> Tensor:
    """Return ``(1 - sigma) data + sigma noise`` of (B, ...) and sigmas (B,)."""
    sigmas = sigmas.view(-1, *[1] * (data.ndim - 1))
    return (1 - sigmas) * data + sigmas * noise


def flow_loss(velocity: Tensor, data: Tensor, noise: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean squared error of the velocity of each sample, float32, shape (B,).

    ``weights`` of the elements broadcast over the shape of ``data``.
    """
    error = (velocity.float() - (noise - data).float()).square()
    return (error if weights is None else error * weights).flatten(1).mean(1)
