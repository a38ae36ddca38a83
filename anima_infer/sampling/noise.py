"""Random numbers as ComfyUI draws them on the CPU, so that a seed means the same picture everywhere.

Source: what ComfyUI 0.29.0 computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from anima_infer.errors import SettingsError

MOST_SEED = 2**64 - 1


class StepNoise(Protocol):
    """Noise between two sigmas of a run: a standard normal tensor of the latents' shape."""

    def __call__(self, start: Tensor, end: Tensor) -> Tensor:
        """Return the noise of the way from one sigma to another."""
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
    """Return a CPU generator."""
    made = torch.Generator("cpu")
    made.manual_seed(check_seed(seed))
    return made


def initial_noise(shape: Sequence[int], seed: int, *, batch_index: Sequence[int] | None = None) -> Tensor:
    """Return the noise that a run starts from, float32 on the CPU.

    Args:
        shape: of the latents, (B, 16, 1, H, W). A batch is one draw, so that a picture depends on its place in it.
        seed: 0 to 2^64 - 1.
        batch_index: places in a batch to draw alone: every place up to the greatest is drawn in turn, as ComfyUI does.

    Returns:
        noise of ``shape``; with ``batch_index`` its first axis has that many entries.
    """
    source = generator(seed)
    if batch_index is None:
        return torch.randn(tuple(shape), generator=source)
    one = (1, *shape[1:])
    drawn = [torch.randn(one, generator=source) for _ in range(max(batch_index) + 1)]
    return torch.cat([drawn[index] for index in batch_index])


class GaussianNoise:
    """Independent noise for every call, seeded with ``seed + 1`` as ComfyUI's on the CPU."""

    def __init__(self, like: Tensor, seed: int) -> None:
        """Draw tensors like ``like``."""
        self._shape, self._device = like.shape, like.device
        self._source = generator((seed + 1) % (MOST_SEED + 1))

    def __call__(self, start: Tensor, end: Tensor) -> Tensor:
        """Return the next draw; the sigmas do not matter."""
        return torch.randn(self._shape, generator=self._source).to(self._device)


class BrownianNoise:
    """Increments of one Brownian path: halving the steps keeps the picture. Source: Li et al. 2020, torchsde."""

    def __init__(self, like: Tensor, seed: int, sigmas: Tensor) -> None:
        """Set up the path between the least positive and the greatest of ``sigmas``."""
        from torchsde import BrownianTree

        self._device = like.device
        low, high = sigmas[sigmas > 0].min(), sigmas.max()
        start = torch.zeros(like.shape, dtype=torch.float32)
        self._tree = BrownianTree(float(low), start, t1=float(high), entropy=check_seed(seed)) if low < high else None
        self._spare = GaussianNoise(like, seed)

    def __call__(self, start: Tensor, end: Tensor) -> Tensor:
        """Return ``(W(end) - W(start)) / sqrt|end - start|``."""
        if self._tree is None:
            return self._spare(start, end)
        low, high = sorted((float(start), float(end)))
        sign = -1.0 if start > end else 1.0
        increment: Tensor = self._tree(low, high)
        return (sign * increment / abs(high - low) ** 0.5).to(self._device)
