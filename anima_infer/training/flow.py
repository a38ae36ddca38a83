"""Rectified flow: which noise levels a model learns at, and its loss.

``x_s = (1 - s) data + s noise``; the model is taught the velocity ``noise - data``. Sources: Liu et al. 2022; Esser et
al. 2024 (logit-normal times, shift).
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
    """Return noise levels to learn at, shape (count,), float32.

    Args:
        count: how many.
        source: of the random numbers.
        method: ``uniform``; ``sigmoid``: logistic of a normal; ``shift``: that, moved towards noise.
        scale: width of the normal.
        shift: of ``shift``; 3 is what sampling uses.

    Raises:
        SettingsError: the method is unknown.
    """
    if method not in METHODS:
        raise SettingsError(f"timestep sampling is '{method}'; expected one of {', '.join(METHODS)}")
    if method == "uniform":
        return torch.rand(count, generator=source)
    share = torch.sigmoid(scale * torch.randn(count, generator=source))
    return share if method == "sigmoid" else shift * share / (1 + (shift - 1) * share)


def noised(data: Tensor, noise: Tensor, sigmas: Tensor) -> Tensor:
    """Return ``(1 - s) data + s noise`` for B x ... and s of shape (B,)."""
    s = sigmas.view(-1, *[1] * (data.ndim - 1))
    return (1 - s) * data + s * noise


def flow_loss(velocity: Tensor, data: Tensor, noise: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean squared error of the velocity, one number a sample, in float32: shape (B,).

    ``weights`` says how much each element counts; it broadcasts over the shape of ``data``.
    """
    error = (velocity.float() - (noise - data).float()).square()
    return (error if weights is None else error * weights).flatten(1).mean(1)
