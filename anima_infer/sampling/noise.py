"""Random numbers as ComfyUI 0.29.0 draws them on the CPU, so that a seed gives the same image everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from anima_infer.errors import SettingsError

MOST_SEED = 2**64 - 1


class StepNoise(Protocol):
    """Noise for a step of a run: a standard normal tensor of the latents' shape."""

    def __call__(self, sigma: Tensor, sigma_next: Tensor) -> Tensor:
        """Return the noise of the step from one sigma to the next."""
        ...


def check_seed(seed: int) -> int:
    """Return the seed.

    Raises:
        SettingsError: it is outside 0 to 2^64 - 1.
    """
    if not 0 <= seed <= MOST_SEED:
        raise SettingsError(f"seed is {seed}; expected 0 to {MOST_SEED}")
    return seed


def generator(seed: int) -> torch.Generator:
    """Return a CPU generator.

    Raises:
        SettingsError: the seed is outside 0 to 2^64 - 1.
    """
    return torch.Generator("cpu").manual_seed(check_seed(seed))


def initial_noise(shape: Sequence[int], seed: int) -> Tensor:
    """Return the noise that a run starts from, float32 on the CPU.

    Args:
        shape: of the latents, (B, 16, 1, H, W). A batch is one draw, so that an image depends on its place in it.
        seed: 0 to 2^64 - 1.

    Raises:
        SettingsError: the seed is out of range.
    """
    return torch.randn(tuple(shape), generator=generator(seed))


class GaussianNoise:
    """Independent noise for every call, seeded with ``seed + 1`` (ComfyUI 0.29.0 on the CPU)."""

    def __init__(self, like: Tensor, seed: int) -> None:
        """Draw tensors of the shape and on the device of ``like``."""
        self._shape, self._device = like.shape, like.device
        self._generator = generator((seed + 1) % (MOST_SEED + 1))

    def __call__(self, sigma: Tensor, sigma_next: Tensor) -> Tensor:
        """Return the next draw; it does not depend on the sigmas."""
        return torch.randn(self._shape, generator=self._generator).to(self._device)


class BrownianNoise:
    """Increments of one Brownian path, so that more steps refine an image. Source: Li et al. 2020, torchsde."""

    def __init__(self, like: Tensor, seed: int, sigmas: Tensor) -> None:
        """Set up the path between the smallest positive and the largest of ``sigmas``."""
        from torchsde import BrownianTree

        self._device = like.device
        low, high = sigmas[sigmas > 0].min(), sigmas.max()
        start = torch.zeros(like.shape, dtype=torch.float32)
        self._tree = BrownianTree(float(low), start, t1=float(high), entropy=check_seed(seed)) if low < high else None
        self._without_tree = GaussianNoise(like, seed)

    def __call__(self, sigma: Tensor, sigma_next: Tensor) -> Tensor:
        """Return ``(W(sigma_next) - W(sigma)) / sqrt|sigma - sigma_next|``."""
        if self._tree is None:
            return self._without_tree(sigma, sigma_next)
        low, high = sorted((float(sigma), float(sigma_next)))
        sign = -1.0 if sigma > sigma_next else 1.0
        increment: Tensor = self._tree(low, high)
        return (sign * increment / abs(high - low) ** 0.5).to(self._device)
