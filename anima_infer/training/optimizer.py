"""How weights are moved: AdamW and Muon with a schedule and clipped gradients.

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
"""Length that gradients are clipped to."""

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients that bring singular values from (0, 1] near 1 in five rounds (Jordan 2024)."""


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


def orthogonalized(matrices: Tensor, rounds: int = 5) -> Tensor:
    """Return matrices, N x A x B, with their singular values brought near 1 (0.7 to 1.2), in bfloat16.

    Newton-Schulz iteration of a quintic; singular vectors stay.
    """
    a, b, c = QUINTIC
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = (matrices.mT if tall else matrices).bfloat16()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(rounds):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalized: every direction of a matrix moves as far as any other.

    For the inner matrices of a network; embeddings, norms, first and last layers are left to AdamW. Matrices of one
    shape are handled as one batch. ``torch.optim.Muon`` does one at a time, which takes longer for small ones.
    """

    def __init__(self, matrices: Iterable[nn.Parameter], lr: float, *, momentum: float = 0.95) -> None:
        """Start with no momentum.

        Args:
            matrices: parameters of two dimensions.
            lr: size of a step; the root of rows / columns is multiplied for tall matrices.
            momentum: what is kept of it in a step.
        """
        super().__init__(matrices, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002  as all optimizers have it
        """Move the matrices that have a gradient."""
        for group in self.param_groups:
            ready = sorted((m for m in group["params"] if m.grad is not None), key=lambda m: m.shape)
            for shape, alike in groupby(ready, key=lambda m: m.shape):
                matrices = list(alike)
                moves = torch.stack([self._momentum(matrix, group["momentum"]) for matrix in matrices])
                size = group["lr"] * math.sqrt(max(1.0, shape[0] / shape[1]))
                for matrix, move in zip(matrices, orthogonalized(moves).to(moves.dtype), strict=True):
                    matrix.sub_(move, alpha=size)

    def _momentum(self, matrix: nn.Parameter, share: float) -> Tensor:
        """Return Nesterov's momentum of a matrix, and keep the plain one."""
        assert matrix.grad is not None
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        kept: Tensor = state["momentum"]
        kept.lerp_(matrix.grad, 1 - share)
        return matrix.grad.lerp(kept, share)


class Learner:
    """Moves parameters by a loss, at a pace: inner matrices by Muon, all others by AdamW."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        pace: Pace,
        *,
        decay: float = 0.01,
        matrices: Sequence[nn.Parameter] = (),
        matrix_rate: float = 0.02,
    ) -> None:
        """Start at step 0.

        Args:
            parameters: everything that learns.
            pace: schedule; its rate is AdamW's.
            decay: of the weights that AdamW moves.
            matrices: those of the parameters that Muon moves.
            matrix_rate: highest learning rate of Muon; it follows the pace's schedule.
        """
        self.parameters, self.pace, self.step = list(parameters), pace, 0
        inner = set(map(id, matrices))
        others = [parameter for parameter in self.parameters if id(parameter) not in inner]
        adam = torch.optim.AdamW(others, lr=pace.rate, betas=(0.9, 0.99), weight_decay=decay, fused=True)
        self.optimizers: list[torch.optim.Optimizer] = [adam]
        if matrices:
            self.optimizers.append(Muon(matrices, matrix_rate))

    def learn(self, loss: Tensor) -> float:
        """Take a step against the gradient of a loss, shape (); return the loss."""
        share = self.pace.at(self.step) / self.pace.rate
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, MOST_GRADIENT)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = share * optimizer.defaults["lr"]
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return float(loss.detach())

    def state(self) -> dict[str, Any]:
        """Return what has to be saved."""
        return {"step": self.step, "optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.step = int(state["step"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
