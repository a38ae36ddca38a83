"""What a sampler is given, and the algebra that several of them share; knows no sampler."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.schedule import SHIFT, percent_to_sigma


class Model(Protocol):
    """What samplers ask: the denoised prediction at a sigma."""

    shift: float

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return D."""
        ...

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return D and the prediction without guidance, U."""
        ...


Sampler = Callable[[Model, Tensor, Tensor, StepNoise], Tensor]
"""A function of model, x, sigmas and noise that returns x at the last sigma."""


def lam(sigma: Tensor) -> Tensor:
    """Return ln((1 - s) / s)."""
    return -torch.logit(sigma)


def sigma_of(half_log_snr: Tensor) -> Tensor:
    """Return the sigma of a ``lam``."""
    return torch.sigmoid(-half_log_snr)


def nudged(sigmas: Tensor, shift: float = SHIFT) -> Tensor:
    """Return the sigmas with a first one of 1 moved below 1, where ``lam`` is finite."""
    if len(sigmas) > 1 and sigmas[0] >= 1:
        sigmas = sigmas.clone()
        sigmas[0] = percent_to_sigma(1e-4, shift)
    return sigmas


def slope(x: Tensor, denoised: Tensor, sigma: Tensor) -> Tensor:
    """Return dx/dsigma."""
    return (x - denoised) / sigma


def midpoint(model: Model, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """Take a step from ``s`` to ``t`` by the slope at their geometric mean; a straight one to 0."""
    d = slope(x, model(x, s), s)
    if t == 0:
        return x + d * (t - s)
    middle = s.log().lerp(t.log(), 0.5).exp()
    x2 = x + d * (middle - s)
    return x + slope(x2, model(x2, middle), middle) * (t - s)


def ancestral_step(s: Tensor, t: Tensor, eta: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return the sigma to go down to and the noise to add, variance-exploding, eta 0 or 1. Source: Song et al. 2021.

    ``down**2 + up**2 == t**2``. From a large ``s`` the last line subtracts two almost equal numbers, and what is left
    is their rounding, which every front end keeps; so this is float32 in the textbook's order, and with exact roots.
    """
    if not eta:
        return t, torch.zeros(())
    up = _root(t**2 * (s**2 - t**2) / s**2)
    up = min(t, up)  # in this order: from an infinite s the root is no number, and t is kept
    return _root(t**2 - up**2), up


def _root(x: Tensor) -> Tensor:
    """Return the float32 nearest to a square root; ``Tensor.sqrt`` is off by one on some processors."""
    return (x.double() ** 0.5).float()


class Renoise(NamedTuple):
    """The way down and up again of a rectified-flow ancestral step with eta 1."""

    down: Tensor
    scale: Tensor
    noise: Tensor


def renoise(s: Tensor, t: Tensor) -> Renoise:
    """Return the way from ``s`` below ``t`` and back up to it, rectified flow, eta 1."""
    down = t * (1 + (t / s - 1))
    scale = (1 - t) / (1 - down)
    return Renoise(down, scale, (t**2 - down**2 * scale**2).sqrt())
