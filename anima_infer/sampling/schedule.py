"""Noise levels: from a number of steps to the sigmas that a sampler visits.

Rectified flow: ``x_sigma = (1 - sigma) * data + sigma * noise``, sigma from 1 (noise) to 0 (data). The model was
trained with ``shift`` 3, which moves evenly spaced times towards noise. All functions return float32
on the CPU and end in 0.

Source: ComfyUI 0.29.0; values of ComfyUI 0.29.0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from anima_infer.errors import SettingsError

SHIFT = 3.0
TABLE = 1000
"""Entries of the table of sigmas that most schedulers pick from."""

_LINEAR_THRESHOLD = 0.025
_RHO = 7.0
_ALL_OF_IT = 0.9999


class Levels(NamedTuple):
    """What schedulers are made of: the sigma table and the shift behind it."""

    table: Tensor
    shift: float

    @property
    def low(self) -> float:
        """The least sigma above 0."""
        return float(self.table[0])

    @property
    def high(self) -> float:
        """The greatest sigma."""
        return float(self.table[-1])


def shifted(time: float | Tensor, shift: float = SHIFT) -> float | Tensor:
    """Return the sigma of a time: ``s t / (1 + (s - 1) t)``.

    >>> shifted(0.5)
    0.75
    """
    if shift == 1.0:
        return time
    return shift * time / (1 + (shift - 1) * time)


def levels(shift: float = SHIFT) -> Levels:
    """Return the table of 1,000 sigmas.

    Raises:
        SettingsError: the shift is no positive number.
    """
    if not (math.isfinite(shift) and shift > 0):
        raise SettingsError(f"shift is {shift}; expected a positive number, 3 is the model's own")
    times = torch.arange(1, TABLE + 1, dtype=torch.float32) / TABLE
    table = shifted(times, shift)
    assert isinstance(table, Tensor)
    return Levels(table, shift)


def percent_to_sigma(percent: float, shift: float = SHIFT) -> float:
    """Return the sigma at a share of the way from noise to data."""
    if percent <= 0:
        return 1.0
    return 0.0 if percent >= 1 else float(shifted(1 - percent, shift))


def _with_zero(sigmas: Tensor) -> Tensor:
    return torch.cat([sigmas.to(torch.float32), torch.zeros(1)])


def simple(steps: int, at: Levels) -> Tensor:
    """Pick evenly from the table."""
    stride = TABLE / steps
    return _with_zero(torch.stack([at.table[TABLE - 1 - int(k * stride)] for k in range(steps)]))


def normal(steps: int, at: Levels) -> Tensor:
    """Space sigma evenly and shift it once more, as the reference does."""
    times = torch.linspace(at.high, at.low, steps)
    return _with_zero(torch.stack([_shifted_once(t, at) for t in times]))


def sgm_uniform(steps: int, at: Levels) -> Tensor:
    """Space as ``normal`` with one more point, and leave the last one out."""
    times = torch.linspace(at.high, at.low, steps + 1)[:-1]
    return _with_zero(torch.stack([_shifted_once(t, at) for t in times]))


def _shifted_once(time: Tensor, at: Levels) -> Tensor:
    sigma = shifted(time, at.shift)
    assert isinstance(sigma, Tensor)
    return sigma


def ddim_uniform(steps: int, at: Levels) -> Tensor:
    """Step through the table from its second entry; the length may exceed ``steps + 1``."""
    stride = max(TABLE // steps, 1)
    return _with_zero(at.table[1::stride].flip(0))


def beta(steps: int, at: Levels) -> Tensor:
    """Space by the beta distribution with 0.6 and 0.6: dense at both ends. Source: Lee et al. 2024."""
    return _beta(steps, at, 0.6, 0.6)


def beta57(steps: int, at: Levels) -> Tensor:
    """Space by the beta distribution with 0.5 and 0.7, after RES4LYF."""
    return _beta(steps, at, 0.5, 0.7)


def _beta(steps: int, at: Levels, a: float, b: float) -> Tensor:
    from scipy.special import betaincinv

    places: list[int] = []
    for k in range(steps):
        place = round(float(betaincinv(a, b, 1 - k / steps)) * (TABLE - 1))
        if not places or place != places[-1]:
            places.append(place)
    return _with_zero(at.table[torch.tensor(places)])


def karras(steps: int, at: Levels) -> Tensor:
    """Space evenly in sigma^(1/7). Source: Karras et al. 2022."""
    ramp = torch.linspace(0, 1, steps)
    low, high = at.low ** (1 / _RHO), at.high ** (1 / _RHO)
    return _with_zero((high + ramp * (low - high)) ** _RHO)


def exponential(steps: int, at: Levels) -> Tensor:
    """Space evenly in log sigma."""
    return _with_zero(torch.linspace(math.log(at.high), math.log(at.low), steps).exp())


def kl_optimal(steps: int, at: Levels) -> Tensor:
    """Space evenly in atan sigma. Source: Sabour et al. 2024, Align Your Steps."""
    if steps == 1:
        return torch.tensor([at.high, 0.0])
    share = torch.arange(steps, dtype=torch.float32) / (steps - 1)
    return _with_zero((share * math.atan(at.low) + (1 - share) * math.atan(at.high)).tan())


def linear_quadratic(steps: int, at: Levels) -> Tensor:
    """Walk linearly through the first 2.5 %, then quadratically. Source: Movie Gen, Polyak et al. 2024."""
    if steps == 1:
        return torch.tensor([at.high, 0.0])
    line = steps // 2
    rest = steps - line
    excess = line - _LINEAR_THRESHOLD * steps
    a, b = excess / (line * rest**2), _LINEAR_THRESHOLD / line - 2 * excess / rest**2
    c = a * line**2
    walked = [i * _LINEAR_THRESHOLD / line for i in range(line)]
    walked += [a * i**2 + b * i + c for i in range(line, steps)]
    return torch.tensor([(1 - share) * at.high for share in (*walked, 1.0)])


Scheduler = Callable[[int, Levels], Tensor]
SCHEDULERS: dict[str, Scheduler] = {
    function.__name__: function
    for function in (
        simple,
        normal,
        sgm_uniform,
        ddim_uniform,
        beta,
        beta57,
        karras,
        exponential,
        kl_optimal,
        linear_quadratic,
    )
}
DROP_PENULTIMATE = frozenset({"dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2"})
"""Samplers that get one step more, without the sigma before the last."""


def sigmas_for(
    steps: int, scheduler: str = "simple", *, sampler: str = "euler", denoise: float = 1.0, shift: float = SHIFT
) -> Tensor:
    """Return the sigmas of a run, float32, ending in 0; empty if nothing is to be done.

    Args:
        steps: how many steps run.
        scheduler: a name of ``SCHEDULERS``.
        sampler: some samplers need one sigma less.
        denoise: share of the way that runs; below 1 the schedule is computed for ``int(steps / denoise)`` steps, and
            the last ``steps`` of it run.
        shift: 3 is the model's own.

    Raises:
        SettingsError: a setting is out of range.
    """
    if scheduler not in SCHEDULERS:
        raise SettingsError(f"scheduler is '{scheduler}'; expected one of {', '.join(SCHEDULERS)}")
    if not 1 <= steps <= TABLE:
        raise SettingsError(f"steps is {steps}; expected 1 to {TABLE}, such as 30")
    if not 0 <= denoise <= 1:
        raise SettingsError(f"denoise is {denoise}; expected 0 to 1")
    if denoise == 0:
        return torch.zeros(0)
    at = levels(shift)
    count = steps if denoise > _ALL_OF_IT else int(steps / denoise)
    if sampler in DROP_PENULTIMATE:
        sigmas = SCHEDULERS[scheduler](count + 1, at)
        sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
    else:
        sigmas = SCHEDULERS[scheduler](count, at)
    return sigmas if denoise > _ALL_OF_IT else sigmas[-(steps + 1) :]
