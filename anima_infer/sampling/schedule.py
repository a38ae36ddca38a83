"""Schedules: from a number of steps to the sigmas that a sampler visits.

Rectified flow: ``x = (1 - sigma) * data + sigma * noise``, sigma from 1 (noise) to 0 (data). The model was trained with
``shift`` 3, which moves evenly spaced times towards noise. All functions return float32 on the CPU and end in 0.

Source: ComfyUI 0.29.0 (names, values).
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
_FULL_DENOISE = 0.9999
"""Denoising strengths above this run the whole schedule (ComfyUI 0.29.0)."""


class SigmaTable(NamedTuple):
    """The 1,000 sigmas that schedulers pick from, rising, and the shift that made them."""

    sigmas: Tensor
    shift: float

    @property
    def low(self) -> float:
        """The smallest sigma above 0."""
        return float(self.sigmas[0])

    @property
    def high(self) -> float:
        """The largest sigma."""
        return float(self.sigmas[-1])


def apply_shift(time: float | Tensor, shift: float = SHIFT) -> float | Tensor:
    """Return the sigma of a time, ``s t / (1 + (s - 1) t)``. Source: Esser et al. 2024, eq. 23.

    >>> apply_shift(0.5)
    0.75
    """
    if shift == 1.0:
        return time
    return shift * time / (1 + (shift - 1) * time)


def sigma_table(shift: float = SHIFT) -> SigmaTable:
    """Return the table of 1,000 sigmas.

    Raises:
        SettingsError: the shift is not a positive number.
    """
    if not (math.isfinite(shift) and shift > 0):
        raise SettingsError(f"shift is {shift}; expected a positive number (the model was trained with 3)")
    times = torch.arange(1, TABLE + 1, dtype=torch.float32) / TABLE
    sigmas = apply_shift(times, shift)
    assert isinstance(sigmas, Tensor)
    return SigmaTable(sigmas, shift)


def percent_to_sigma(percent: float, shift: float = SHIFT) -> float:
    """Return the sigma at a fraction of the schedule, 0 (noise) to 1 (data)."""
    if percent <= 0:
        return 1.0
    return 0.0 if percent >= 1 else float(apply_shift(1 - percent, shift))


def _append_zero(sigmas: Tensor) -> Tensor:
    return torch.cat([sigmas.to(torch.float32), torch.zeros(1)])


# --- schedulers ------------------------------------------------------------------------------------------------------


def simple(steps: int, table: SigmaTable) -> Tensor:
    """Pick evenly from the table."""
    stride = TABLE / steps
    return _append_zero(torch.stack([table.sigmas[TABLE - 1 - int(k * stride)] for k in range(steps)]))


def normal(steps: int, table: SigmaTable) -> Tensor:
    """Space sigmas evenly and apply the shift a second time, as ComfyUI 0.29.0 does."""
    times = torch.linspace(table.high, table.low, steps)
    return _append_zero(torch.stack([_shift_tensor(time, table) for time in times]))


def sgm_uniform(steps: int, table: SigmaTable) -> Tensor:
    """Space as ``normal`` with one more point, and drop the last one."""
    times = torch.linspace(table.high, table.low, steps + 1)[:-1]
    return _append_zero(torch.stack([_shift_tensor(time, table) for time in times]))


def _shift_tensor(time: Tensor, table: SigmaTable) -> Tensor:
    sigma = apply_shift(time, table.shift)
    assert isinstance(sigma, Tensor)
    return sigma


def ddim_uniform(steps: int, table: SigmaTable) -> Tensor:
    """Step through the table from its second entry; the result may be longer than ``steps + 1``."""
    stride = max(TABLE // steps, 1)
    return _append_zero(table.sigmas[1::stride].flip(0))


def beta(steps: int, table: SigmaTable) -> Tensor:
    """Space by the beta distribution with 0.6 and 0.6: dense at both ends. Source: Lee et al. 2024."""
    return _beta(steps, table, 0.6, 0.6)


def beta57(steps: int, table: SigmaTable) -> Tensor:
    """Space by the beta distribution with 0.5 and 0.7. Source: RES4LYF."""
    return _beta(steps, table, 0.5, 0.7)


def _beta(steps: int, table: SigmaTable, a: float, b: float) -> Tensor:
    from scipy.special import betaincinv

    indices: list[int] = []
    for k in range(steps):
        index = round(float(betaincinv(a, b, 1 - k / steps)) * (TABLE - 1))
        if not indices or index != indices[-1]:
            indices.append(index)
    return _append_zero(table.sigmas[torch.tensor(indices)])


def karras(steps: int, table: SigmaTable) -> Tensor:
    """Space evenly in sigma^(1/7). Source: Karras et al. 2022."""
    ramp = torch.linspace(0, 1, steps)
    low, high = table.low ** (1 / _RHO), table.high ** (1 / _RHO)
    return _append_zero((high + ramp * (low - high)) ** _RHO)


def exponential(steps: int, table: SigmaTable) -> Tensor:
    """Space evenly in log sigma."""
    return _append_zero(torch.linspace(math.log(table.high), math.log(table.low), steps).exp())


def kl_optimal(steps: int, table: SigmaTable) -> Tensor:
    """Space evenly in atan sigma. Source: Sabour et al. 2024, Align Your Steps."""
    if steps == 1:
        return torch.tensor([table.high, 0.0])
    fraction = torch.arange(steps, dtype=torch.float32) / (steps - 1)
    return _append_zero((fraction * math.atan(table.low) + (1 - fraction) * math.atan(table.high)).tan())


def linear_quadratic(steps: int, table: SigmaTable) -> Tensor:
    """Fall linearly over the first 2.5 %, then quadratically. Source: Polyak et al. 2024, Movie Gen."""
    if steps == 1:
        return torch.tensor([table.high, 0.0])
    linear_steps = steps // 2
    quadratic_steps = steps - linear_steps
    excess = linear_steps - _LINEAR_THRESHOLD * steps
    a = excess / (linear_steps * quadratic_steps**2)
    b = _LINEAR_THRESHOLD / linear_steps - 2 * excess / quadratic_steps**2
    c = a * linear_steps**2
    fractions = [i * _LINEAR_THRESHOLD / linear_steps for i in range(linear_steps)]
    fractions += [a * i**2 + b * i + c for i in range(linear_steps, steps)]
    return torch.tensor([(1 - fraction) * table.high for fraction in (*fractions, 1.0)])


Scheduler = Callable[[int, SigmaTable], Tensor]
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
"""Samplers whose schedule is computed with one step more and then loses the last sigma above 0."""


def sigmas_for(
    steps: int, scheduler: str = "simple", *, sampler: str = "euler", denoise: float = 1.0, shift: float = SHIFT
) -> Tensor:
    """Return the sigmas of a run, float32, ending in 0; empty if ``denoise`` is 0.

    Args:
        steps: number of sampler steps.
        scheduler: a name of ``SCHEDULERS``.
        sampler: name of the sampler; those of ``DROP_PENULTIMATE`` get another schedule.
        denoise: denoising strength. Below 1 the schedule is computed for ``int(steps / denoise)`` steps, and the last
            ``steps`` of it run.
        shift: of the schedule; the model was trained with 3.

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
    table = sigma_table(shift)
    count = steps if denoise > _FULL_DENOISE else int(steps / denoise)
    if sampler in DROP_PENULTIMATE:
        sigmas = SCHEDULERS[scheduler](count + 1, table)
        sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
    else:
        sigmas = SCHEDULERS[scheduler](count, table)
    return sigmas if denoise > _FULL_DENOISE else sigmas[-(steps + 1) :]
