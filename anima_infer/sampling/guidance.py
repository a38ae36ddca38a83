"""Guidance: one prediction from those with the prompt (cond) and with the negative prompt (uncond).

All in float32 on denoised predictions. Source: ComfyUI 0.29.0 (what it computes).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from torch import Tensor

from anima_infer.errors import SettingsError


@dataclass(slots=True)
class Apg:
    """Adaptive projected guidance. Source: Sadat et al. 2024.

    Attributes:
        eta: factor of the part of the difference that is parallel to cond; 1 leaves it as it is.
        threshold: largest norm of ``cond - uncond`` over the positions of a channel; 0 for no limit.
        momentum: factor of the running sum that is added to each difference; below 0 it damps.
    """

    eta: float = 1.0
    threshold: float = 5.0
    momentum: float = 0.0
    _sum: Tensor | None = field(default=None, init=False, repr=False, compare=False)
    _sigma: float = field(default=math.inf, init=False, repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Apg:
        """Read ``ETA[:NORM[:MOMENTUM]]``.

        Raises:
            SettingsError: the text has another form.
        """
        try:
            numbers = [float(part) for part in text.split(":")]
        except ValueError:
            numbers = []
        if not 1 <= len(numbers) <= 3 or not all(map(math.isfinite, numbers)):
            raise SettingsError(f"apg is '{text}'; expected eta, norm and momentum such as 0:15:-0.5")
        return cls(*numbers)

    def __str__(self) -> str:
        """Return the form that ``parse`` reads."""
        return f"{self.eta:g}:{self.threshold:g}:{self.momentum:g}"

    def project(self, cond: Tensor, uncond: Tensor, sigma: float) -> Tensor:
        """Return the difference to use instead of ``cond - uncond``; (B, C, H, W), or with a frame axis before H."""
        difference = cond - uncond
        if self.momentum:
            if sigma > self._sigma:  # a new run
                self._sum = None
            self._sigma = sigma
            self._sum = difference if self._sum is None else difference + self.momentum * self._sum
            difference = self._sum
        positions = (-3, -2, -1) if cond.ndim == 5 else (-2, -1)
        if self.threshold > 0:
            norm = difference.norm(p=2, dim=positions, keepdim=True)
            difference = difference * (self.threshold / norm).clamp(max=1.0)
        unit = cond / cond.norm(p=2, dim=positions, keepdim=True).clamp_min(1e-12)
        parallel = (difference * unit).sum(dim=positions, keepdim=True) * unit
        return difference - parallel + self.eta * parallel


@dataclass(slots=True)
class Guidance:
    """How strongly the prompt is followed.

    Attributes:
        scale: guidance scale (CFG); at 1 the negative prompt is not used, and uncond is never computed.
        zero_star: scale uncond to lie nearest to cond (CFG-Zero*), after APG. Source: Fan et al. 2025.
        apg: adaptive projected guidance, None for none.
        interval: guidance range, fractions of the schedule between which guidance acts; outside it the scale is 1.
            An approximation. Source: Kynkäänniemi et al. 2024.
    """

    scale: float = 4.5
    zero_star: bool = False
    apg: Apg | None = None
    interval: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            SettingsError: one is out of range.
        """
        if not math.isfinite(self.scale):
            raise SettingsError(f"guidance scale is {self.scale}; expected a number such as 4.5")
        low, high = self.interval
        if not 0 <= low <= high <= 1:
            raise SettingsError(f"guidance interval is {low} to {high}; expected two rising fractions from 0 to 1")

    @property
    def is_off(self) -> bool:
        """Whether the negative prompt has no influence."""
        return math.isclose(self.scale, 1.0)

    def mix(self, x: Tensor, cond: Tensor, uncond: Tensor, sigma: float) -> Tensor:
        """Return the guided prediction."""
        if self.apg is not None:  # first, as in ComfyUI 0.29.0, whose node changes the prediction before guidance
            cond = uncond + self.apg.project(cond, uncond, sigma) + (cond - uncond) / self.scale
        if self.zero_star:
            cond_slope, uncond_slope = (x - cond).flatten(1), (x - uncond).flatten(1)
            factor = (cond_slope * uncond_slope).sum(1) / ((uncond_slope**2).sum(1) + 1e-8)
            # as in ComfyUI 0.29.0, the factor is fitted on slopes but applied to predictions
            uncond = uncond * factor.view(-1, *[1] * (x.ndim - 1))
        return uncond + (cond - uncond) * self.scale
