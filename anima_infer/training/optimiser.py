"""How weights are moved: AdamW with a schedule and clipped gradients.

Source: Loshchilov and Hutter 2019 (AdamW), 2017 (cosine).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

MOST_GRADIENT = 1.0
"""Length that gradients are clipped to."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long and how fast a stage learns."""

    steps: int
    batch: int
    rate: float
    warm: int = 200

    def at(self, step: int) -> float:
        """Return the learning rate of a step: warm-up, then a cosine down to a twentieth."""
        if step < self.warm:
            return self.rate * (step + 1) / self.warm
        share = (step - self.warm) / max(1, self.steps - self.warm)
        return self.rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))


class Learner:
    """Moves parameters by a loss, at a pace."""

    def __init__(self, parameters: Iterable[nn.Parameter], pace: Pace, *, decay: float = 0.01) -> None:
        """Start at step 0."""
        self.parameters, self.pace, self.step = list(parameters), pace, 0
        self.optimiser = torch.optim.AdamW(
            self.parameters, lr=pace.rate, betas=(0.9, 0.99), weight_decay=decay, fused=True
        )

    def learn(self, loss: Tensor) -> float:
        """Take a step against the gradient of a loss, shape (); return the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.pace.at(self.step)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, MOST_GRADIENT)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        return float(loss.detach())

    def state(self) -> dict[str, Any]:
        """Return what has to be saved."""
        return {"step": self.step, "optimiser": self.optimiser.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.step = int(state["step"])
        self.optimiser.load_state_dict(state["optimiser"])
