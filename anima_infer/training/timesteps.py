"""Rectified flow in training: which noise levels it sees, and how much each counts.

``x = (1 - sigma) data + sigma noise``; the network learns the velocity ``noise - data`` (Liu et al. 2022).

Five samplings and their weightings, as sd-scripts 0.11.1 computes them for Anima. In sd-scripts' words ``s`` (here
sigma) is the fraction of noise in a sample; the timestep that the network is given equals sigma, up to rounding.

Sources: Esser et al. 2024, "Scaling Rectified Flow Transformers" (densities, weightings); sd-scripts 0.11.1 (order of
operations, rounding).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from anima_infer.errors import SettingsError

Method = Literal["sigma", "uniform", "sigmoid", "shift", "flux_shift"]
Weighting = Literal["none", "sigma_sqrt", "cosmap", "logit_normal", "mode"]
Rounding = Literal["none", "sd-scripts"]

TABLE_STEPS = 1000
"""Entries of the table of sigmas that ``sigma`` sampling picks from."""

_FLUX_TOKENS = (256, 4096)
"""Tokens of an image at which the shift of ``flux_shift`` is ``_FLUX_SHIFTS``, linear in between and beyond."""

_FLUX_SHIFTS = (0.5, 1.15)


@dataclass(frozen=True, slots=True)
class Levels:
    """Noise levels of a batch, each (B,), float32."""

    sigmas: Tensor
    """Fraction of noise in each sample."""

    timesteps: Tensor
    """Noise level that the network is told: sigma, rounded where the rounding asks for it."""

    weights: Tensor
    """Factor of each sample's loss."""


@dataclass(frozen=True, slots=True)
class TimestepSampling:
    """How noise levels are drawn and weighted.

    Raises:
        SettingsError: a value is unknown or out of range, or has no effect with the others.
    """

    method: Method = "sigmoid"
    """``sigma``: from a table of 1,000; ``uniform``; ``sigmoid``: logistic function of a normal; ``shift``: that, moved
    towards noise by a constant; ``flux_shift``: moved by a number that grows with the image."""

    scale: float = 1.0
    """Deviation of the normal (sd-scripts: ``sigmoid_scale``)."""

    shift: float = 1.0
    """Of ``shift`` and ``sigma`` (``discrete_flow_shift``)."""

    weighting: Weighting = "none"
    """Of the loss (``sigma_sqrt``, ``cosmap``), or density of ``sigma`` sampling (``logit_normal``, ``mode``)."""

    mean: float = 0.0
    """Of ``logit_normal`` (``logit_mean``)."""

    deviation: float = 1.0
    """Of ``logit_normal`` (``logit_std``)."""

    mode_scale: float = 1.29
    """Of ``mode``."""

    rounding: Rounding = "none"
    """``sd-scripts``: round timesteps to the network's dtype before they are divided by 1,000."""

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("timestep sampling", self.method, get_args(Method)),
            ("weighting", self.weighting, get_args(Weighting)),
            ("timestep rounding", self.rounding, get_args(Rounding)),
        ):
            if value not in allowed:
                raise SettingsError(f"{name} is '{value}'; expected one of {', '.join(allowed)}")
        for name, number in (("scale", self.scale), ("shift", self.shift), ("deviation", self.deviation)):
            if not 0 < number < math.inf:
                raise SettingsError(f"{name} of the timestep sampling is {number}; expected a number above 0")

    @property
    def draws_normal(self) -> bool:
        """Whether the random numbers are normal; uniform in [0, 1) otherwise."""
        return self.method in ("sigmoid", "shift", "flux_shift") or (
            self.method == "sigma" and self.weighting == "logit_normal"
        )

    def draw(self, count: int, source: torch.Generator) -> Tensor:
        """Return ``count`` random numbers for ``levels``, float32."""
        draw = torch.randn if self.draws_normal else torch.rand
        return draw(count, generator=source)

    def levels(
        self, raw: Tensor, *, tokens: int, dtype: torch.dtype = torch.float32, offsets: Tensor | None = None
    ) -> Levels:
        """Return the noise levels of random numbers.

        Args:
            raw: of ``draw``, (B,); standard normal or uniform.
            tokens: image tokens (latent height // 2 times latent width // 2); only ``flux_shift`` reads it.
            dtype: in which the network computes; only ``sigma`` sampling and the rounding read it.
            offsets: (B,), added to the normal before the logistic function (one per subset of the data).
        """
        sigmas = self._sigmas(raw.float(), tokens, 0.0 if offsets is None else offsets)
        if self.rounding == "none":
            return Levels(sigmas, sigmas, self._weights(sigmas))
        if self.method == "sigma":
            sigmas = sigmas.to(dtype).float()
        timesteps = ((sigmas * TABLE_STEPS).to(dtype) / TABLE_STEPS).float()
        return Levels(sigmas, timesteps, self._weights(sigmas))

    def _sigmas(self, raw: Tensor, tokens: int, offsets: Tensor | float) -> Tensor:
        if self.method == "uniform":
            return raw
        if self.method == "sigma":
            return sigma_table(self.shift)[self._indices(raw)]
        sigmas = torch.sigmoid(self.scale * raw + offsets)
        if self.method == "shift":
            return sigmas * self.shift / (1 + (self.shift - 1) * sigmas)
        if self.method == "flux_shift":
            factor = math.exp(flux_exponent(tokens))
            return factor / (factor + (1 / sigmas - 1))
        return sigmas

    def _indices(self, raw: Tensor) -> Tensor:
        """Return places in the table, which begins with the most noise."""
        if self.weighting == "logit_normal":
            raw = torch.sigmoid(self.mean + self.deviation * raw)
        elif self.weighting == "mode":
            raw = 1 - raw - self.mode_scale * (torch.cos(math.pi * raw / 2) ** 2 - 1 + raw)
        return (raw * TABLE_STEPS).long().clamp(0, TABLE_STEPS - 1)  # mode reaches 1 itself, one past the end

    def _weights(self, sigmas: Tensor) -> Tensor:
        if self.weighting == "sigma_sqrt":
            return sigmas**-2.0
        if self.weighting == "cosmap":
            return 2 / (math.pi * (1 - 2 * sigmas + 2 * sigmas**2))
        return torch.ones_like(sigmas)


def add_noise(data: Tensor, noise: Tensor, sigmas: Tensor) -> Tensor:
    """Return ``(1 - sigma) data + sigma noise`` of (B, ...) and sigmas (B,)."""
    share = sigmas.view(-1, *[1] * (data.ndim - 1))
    return (1 - share) * data + share * noise


def sigma_table(shift: float) -> Tensor:
    """Return the 1,000 sigmas of ``sigma`` sampling, from 1 down, float32."""
    fractions = torch.linspace(1, TABLE_STEPS, TABLE_STEPS).flip(0) / TABLE_STEPS
    return shift * fractions / (1 + (shift - 1) * fractions)


def flux_exponent(tokens: int) -> float:
    """Return the natural logarithm of the shift of ``flux_shift`` for an image of so many tokens."""
    (low, high), (first, last) = _FLUX_TOKENS, _FLUX_SHIFTS
    return first + (last - first) * (tokens - low) / (high - low)
