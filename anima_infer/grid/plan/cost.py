"""What rendering costs: megapixels times calls of the network."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from anima_infer.render.job import Job
from anima_infer.sampling.samplers import SAMPLERS
from anima_infer.sampling.schedule import SHIFT


def cost_of(job: Job) -> float:
    """Return the cost of an image: megapixels times calls of the network."""
    s = job.settings
    calls = count_model_calls(s.sampler, tuple(s.sigmas().tolist())) * (1 if s.guidance.is_off else 2)
    return s.width * s.height / 1e6 * calls


@functools.cache
def count_model_calls(sampler: str, sigmas: tuple[float, ...]) -> int:
    """Return the number of model calls of a sampler on a schedule, by running it on a single number.

    >>> count_model_calls("euler", (1.0, 0.5, 0.0)), count_model_calls("heun", (1.0, 0.5, 0.0))
    (2, 3)
    """
    if len(sigmas) < 2:
        return 0
    model = _Counter()
    x = torch.zeros(1, 1, 1, 1)
    SAMPLERS[sampler](model, x, torch.tensor(sigmas), lambda *_: torch.zeros_like(x))
    return model.calls


class _Counter:
    """A model that counts its calls."""

    shift = SHIFT

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002  samplers pass it
        self.calls += 1
        return torch.zeros_like(x)

    def predict_both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        return self(x, sigma), torch.zeros_like(x)
