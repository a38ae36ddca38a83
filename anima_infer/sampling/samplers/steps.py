"""What samplers are called with, and the algebra that several of them share; knows no sampler."""

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
        """Return the denoised prediction."""
        ...

    def predict_both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return the denoised prediction with guidance and the one without."""
        ...


Sampler = Callable[[Model, Tensor, Tensor, StepNoise], Tensor]
"""A function of model, x, sigmas and noise that returns x at the last sigma."""


def half_log_snr(sigma: Tensor) -> Tensor:
    """Return lambda = ln((1 - sigma) / sigma)."""
    return -torch.logit(sigma)


def sigma_at(lam: Tensor) -> Tensor:
    """Return the sigma of a half log signal-to-noise ratio."""
    return torch.sigmoid(-lam)


def offset_first_sigma(sigmas: Tensor, shift: float = SHIFT) -> Tensor:
    """Return the sigmas with a first one of 1 moved below 1, where the half log signal-to-noise ratio is finite."""
    if len(sigmas) > 1 and sigmas[0] >= 1:
        sigmas = sigmas.clone()
        sigmas[0] = percent_to_sigma(1e-4, shift)
    return sigmas


def slope(x: Tensor, denoised: Tensor, sigma: Tensor) -> Tensor:
    """Return dx/dsigma."""
    return (x - denoised) / sigma


def midpoint_step(model: Model, x: Tensor, sigma: Tensor, sigma_next: Tensor) -> Tensor:
    """Return x after a step by the slope at the geometric mean of both sigmas; to 0, an Euler step."""
    d = slope(x, model(x, sigma), sigma)
    if sigma_next == 0:
        return x + d * (sigma_next - sigma)
    sigma_mid = sigma.log().lerp(sigma_next.log(), 0.5).exp()
    x_mid = x + d * (sigma_mid - sigma)
    return x + slope(x_mid, model(x_mid, sigma_mid), sigma_mid) * (sigma_next - sigma)


def ancestral_step(sigma: Tensor, sigma_next: Tensor, eta: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return the sigma to go down to and the noise to add, variance-exploding, eta 0 or 1. Source: Song et al. 2021.

    ``down**2 + up**2 == sigma_next**2``. From a large sigma the last line subtracts two almost equal numbers, and what
    is left is their rounding, which every front end keeps; so this is float32 in the textbook's order, with exact
    roots.
    """
    if not eta:
        return sigma_next, torch.zeros(())
    up = _root(sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2)
    up = min(sigma_next, up)  # in this order: for an infinite sigma the root is NaN, and sigma_next stays
    return _root(sigma_next**2 - up**2), up


def _root(x: Tensor) -> Tensor:
    """Return the float32 nearest to a square root; ``Tensor.sqrt`` is off by one bit on some processors."""
    return (x.double() ** 0.5).float()


class FlowAncestralStep(NamedTuple):
    """A step of rectified flow with eta 1: down to a sigma, then ``x * scale + noise * noise_scale``."""

    down: Tensor
    scale: Tensor
    noise_scale: Tensor


def flow_ancestral_step(sigma: Tensor, sigma_next: Tensor) -> FlowAncestralStep:
    """Return the step below ``sigma_next`` and back up to it, rectified flow, eta 1."""
    down = sigma_next * (1 + (sigma_next / sigma - 1))
    scale = (1 - sigma_next) / (1 - down)
    return FlowAncestralStep(down, scale, (sigma_next**2 - down**2 * scale**2).sqrt())
