"""Optimizers: AdamW and Muon, with a learning-rate schedule and clipped gradients.

Source: Loshchilov and Hutter 2019 (AdamW), 2017 (cosine); Jordan 2024, "Muon: an optimizer for hidden layers".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

MOST_GRADIENT = 1.0
"""Norm that gradients are clipped to."""

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients that bring singular values from (0, 1] near 1 in five iterations (Jordan 2024)."""


@dataclass(frozen=True, slots=True)
class TrainingSchedule:
    """Length of a training, its batch size, and its learning rate: the highest one, after ``warm`` steps."""

    steps: int
    batch: int
    rate: float
    warm: int = 200

    def at(self, step: int) -> float:
        """Return the learning rate of a step: linear warm-up, then a cosine down to a twentieth."""
        if step < self.warm:
            return self.rate * (step + 1) / self.warm
        progress = (step - self.warm) / max(1, self.steps - self.warm)
        return self.rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def orthogonalized(matrices: Tensor, iterations: int = 5) -> Tensor:
    """Return matrices (N, A, B) with singular values near 1 (0.7 to 1.2) and the same singular vectors, in bfloat16.

    Newton-Schulz iteration of a quintic. Source: Jordan 2024.
    """
    a, b, c = QUINTIC
    is_tall = matrices.shape[-2] > matrices.shape[-1]
    x = (matrices.mT if is_tall else matrices).bfloat16()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(iterations):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.mT if is_tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalized: every direction of a matrix changes by the same amount.

    For the inner matrices of a network; AdamW handles embeddings, norms, first and last layers. Matrices of the same
    shape are one batch. ``torch.optim.Muon`` does one at a time, which takes longer for small ones.
    """

    def __init__(self, matrices: Iterable[nn.Parameter], lr: float, *, momentum: float = 0.95) -> None:
        """Start without momentum.

        Args:
            matrices: parameters of two dimensions.
            lr: learning rate; for tall matrices it is multiplied by the root of rows / columns.
            momentum: decay of the momentum in a step.
        """
        super().__init__(matrices, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002  part of the interface
        """Update the matrices that have a gradient."""
        for group in self.param_groups:
            updated = sorted((m for m in group["params"] if m.grad is not None), key=lambda m: m.shape)
            for shape, group_of_shape in groupby(updated, key=lambda m: m.shape):
                matrices = list(group_of_shape)
                momenta = torch.stack([self._momentum(matrix, group["momentum"]) for matrix in matrices])
                step_size = group["lr"] * math.sqrt(max(1.0, shape[0] / shape[1]))
                for matrix, update in zip(matrices, orthogonalized(momenta).to(momenta.dtype), strict=True):
                    matrix.sub_(update, alpha=step_size)

    def _momentum(self, matrix: nn.Parameter, decay: float) -> Tensor:
        """Update the momentum of a matrix; return the Nesterov momentum."""
        assert matrix.grad is not None
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        momentum: Tensor = state["momentum"]
        momentum.lerp_(matrix.grad, 1 - decay)
        return matrix.grad.lerp(momentum, decay)


class Learner:
    """Trains parameters: inner matrices by Muon, all others by AdamW, with one learning-rate schedule."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        schedule: TrainingSchedule,
        *,
        decay: float = 0.01,
        matrices: Sequence[nn.Parameter] = (),
        matrix_rate: float = 0.02,
    ) -> None:
        """Start at step 0.

        Args:
            parameters: to train.
            schedule: learning rate of AdamW, by step.
            decay: weight decay of AdamW.
            matrices: the parameters that Muon trains.
            matrix_rate: highest learning rate of Muon, with the same schedule.
        """
        self.parameters, self.schedule, self.step = list(parameters), schedule, 0
        inner = set(map(id, matrices))
        other_parameters = [parameter for parameter in self.parameters if id(parameter) not in inner]
        adam = torch.optim.AdamW(other_parameters, lr=schedule.rate, betas=(0.9, 0.99), weight_decay=decay, fused=True)
        self.optimizers: list[torch.optim.Optimizer] = [adam]
        if matrices:
            self.optimizers.append(Muon(matrices, matrix_rate))

    def learn(self, loss: Tensor) -> float:
        """Take a step down the gradient of a loss, shape (); return the loss."""
        factor = self.schedule.at(self.step) / self.schedule.rate
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, MOST_GRADIENT)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = factor * optimizer.defaults["lr"]
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return float(loss.detach())

    def state(self) -> dict[str, Any]:
        """Return the state to save."""
        return {"step": self.step, "optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        self.step = int(state["step"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
