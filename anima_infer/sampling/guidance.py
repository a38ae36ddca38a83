"""Guidance: from predictions with the prompt (C) and with the negative prompt (U) to one.

All in float32 on denoised predictions. Source: what ComfyUI 0.29.0 computes.
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
        eta: how much of the part parallel to C stays; 1 keeps all of it.
        threshold: greatest norm of C - U over a channel's positions; 0 for none.
        momentum: share of the running sum that is added; negative damps.
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
            SettingsError: it is not that.
        """
        try:
            figures = [float(part) for part in text.split(":")]
        except ValueError:
            figures = []
        if not 1 <= len(figures) <= 3 or not all(map(math.isfinite, figures)):
            raise SettingsError(f"apg is '{text}'; expected eta, norm and momentum such as 0:15:-0.5")
        return cls(*figures)

    def __str__(self) -> str:
        """Return what ``parse`` reads."""
        return f"{self.eta:g}:{self.threshold:g}:{self.momentum:g}"

    def difference(self, cond: Tensor, uncond: Tensor, sigma: float) -> Tensor:
        """Return what takes the place of C - U; B x C x H x W, or with a frame axis before H."""
        guided = cond - uncond
        if self.momentum:
            if sigma > self._sigma:
                self._sum = None
            self._sigma = sigma
            self._sum = guided if self._sum is None else guided + self.momentum * self._sum
            guided = self._sum
        over = (-3, -2, -1) if cond.ndim == 5 else (-2, -1)
        if self.threshold > 0:
            norm = guided.norm(p=2, dim=over, keepdim=True)
            guided = guided * (self.threshold / norm).clamp(max=1.0)
        unit = cond / cond.norm(p=2, dim=over, keepdim=True).clamp_min(1e-12)
        parallel = (guided * unit).sum(dim=over, keepdim=True) * unit
        return guided - parallel + self.eta * parallel


@dataclass(slots=True)
class Guidance:
    """How strongly the prompt is followed.

    Attributes:
        scale: 1 asks for the prompt alone, and U is never computed.
        zero_star: rescale U to lie nearest to C first. Source: Fan et al. 2025, CFG-Zero*.
        apg: adaptive projected guidance.
        interval: shares of the way, from 0 (noise) to 1, between which guidance acts; outside it the scale is 1. An
            approximation. Source: Kynkäänniemi et al. 2024.
    """

    scale: float = 4.5
    zero_star: bool = False
    apg: Apg | None = None
    interval: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        """Check the figures.

        Raises:
            SettingsError: one is out of range.
        """
        if not math.isfinite(self.scale):
            raise SettingsError(f"guidance scale is {self.scale}; expected a number such as 4.5")
        low, high = self.interval
        if not 0 <= low <= high <= 1:
            raise SettingsError(f"guidance interval is {low} to {high}; expected two rising shares from 0 to 1")

    @property
    def off(self) -> bool:
        """Whether the prompt alone decides."""
        return math.isclose(self.scale, 1.0)

    def mix(self, x: Tensor, cond: Tensor, uncond: Tensor, sigma: float) -> Tensor:
        """Return the guided prediction."""
        if self.zero_star:
            slope_c, slope_u = (x - cond).flatten(1), (x - uncond).flatten(1)
            share = (slope_c * slope_u).sum(1) / ((slope_u**2).sum(1) + 1e-8)
            uncond = uncond * share.view(-1, *[1] * (x.ndim - 1))  # the share of slopes scales predictions, as there
        difference = cond - uncond
        if self.apg is not None:
            difference = self.apg.difference(cond, uncond, sigma) + difference / self.scale
        return uncond + difference * self.scale
