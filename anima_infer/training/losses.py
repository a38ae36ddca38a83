"""The loss of a batch: distance of the velocity from ``noise - data``, weighted, masked, averaged.

Order of operations as in sd-scripts 0.11.1: distance of each value in float32, times the weight of the sample's noise
level, times the mask, mean over the sample, times the sample's own weight, mean over the batch.

Source: Huber 1964; sd-scripts 0.11.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from anima_infer.errors import SettingsError
from anima_infer.training.timesteps import Levels

Distance = Literal["l2", "l1", "huber", "smooth_l1"]
ThresholdSchedule = Literal["constant", "exponential"]


@dataclass(frozen=True, slots=True)
class Loss:
    """Distance between two velocities.

    Raises:
        SettingsError: the distance is unknown, or the threshold is not above 0.
    """

    distance: Distance = "l2"
    """``l2``: squared; ``l1``: absolute; ``huber`` and ``smooth_l1``: squared near 0, absolute far from it."""

    threshold: float = 0.1
    """Of ``huber`` and ``smooth_l1``: difference at which the one turns into the other (``huber_c``)."""

    threshold_scale: float = 1.0
    """Factor of the threshold (``huber_scale``)."""

    threshold_schedule: ThresholdSchedule = "constant"
    """``exponential`` is sd-scripts' name for ``threshold ** (sigma / 1000)``: 0.998 to 1 times the scale, whatever
    the threshold, because it was made for timesteps up to 1,000."""

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("loss", self.distance, get_args(Distance)),
            ("threshold schedule", self.threshold_schedule, get_args(ThresholdSchedule)),
        ):
            if value not in allowed:
                raise SettingsError(f"{name} is '{value}'; expected one of {', '.join(allowed)}")
        for name, number in (("threshold", self.threshold), ("threshold scale", self.threshold_scale)):
            if not 0 < number < math.inf:
                raise SettingsError(f"{name} of the loss is {number}; expected a number above 0")

    def of_values(self, velocity: Tensor, target: Tensor, timesteps: Tensor | None = None) -> Tensor:
        """Return the distance of each value, float32, in the shape of the velocity.

        ``timesteps`` (B,) are read by the exponential threshold alone.
        """
        difference = velocity.float() - target.float()
        if self.distance == "l2":
            return difference.square()
        if self.distance == "l1":
            return difference.abs()
        threshold = self._thresholds(timesteps)
        excess = torch.sqrt(difference.square() + threshold**2) - threshold
        return 2 * threshold * excess if self.distance == "huber" else 2 * excess

    def _thresholds(self, timesteps: Tensor | None) -> Tensor | float:
        """Return the threshold, or one for each sample, (B, 1, 1, 1)."""
        if self.threshold_schedule == "constant" or timesteps is None:
            return self.threshold * self.threshold_scale
        return (self.threshold ** (timesteps / 1000) * self.threshold_scale).view(-1, 1, 1, 1)

    def of_samples(
        self, velocity: Tensor, target: Tensor, *, levels: Levels | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Return the loss of each sample, (B,).

        Args:
            velocity: what the network predicts, (B, C, H, W).
            target: noise - data, (B, C, H, W).
            levels: noise levels of the samples; None counts all of them alike.
            mask: of ``shrink_mask``, (B, 1, H, W).
        """
        values = self.of_values(velocity, target, None if levels is None else levels.timesteps)
        if levels is not None:
            values = values * levels.weights.view(-1, 1, 1, 1)
        if mask is not None:
            values = values * mask
        return values.flatten(1).mean(1)


def shrink_mask(mask: Tensor, height: int, width: int) -> Tensor:
    """Return a mask of pixels (B, H, W), 0 to 1, in the size of the latents: (B, 1, height, width), area average."""
    return F.interpolate(mask[:, None].float(), size=(height, width), mode="area")
