"""Trainable changes of a projection: LoRA, LoHa, LoKr.

Each starts at zero, so that training starts at the base model. Start values and scales are those of sd-scripts 0.11.1;
the tensors carry the roles that LoRA files use for them.

Sources: Hu et al. 2021 (LoRA); Hyeon-Woo et al. 2022, "FedPara" (LoHa); Yeh et al. 2024, "Navigating Text-to-Image
Customization" (LoHa, LoKr); Hayou et al. 2024, "LoRA+".
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Dropout:
    """Shares that are dropped while training."""

    values: float = 0.0
    """Of the values between the two factors (LoRA)."""

    ranks: float = 0.0
    """Of the ranks of each sample (LoRA), or of the output rows of the change (LoHa, LoKr)."""

    modules: float = 0.0
    """Of the modules in a step."""


class Change(nn.Module):
    """A trainable change of a weight (outputs, inputs), as a module that is added to the projection's output."""

    fast: tuple[str, ...] = ()
    """Parameters whose learning rate LoRA+ raises."""

    def __init__(self, rank: int, alpha: float | None, dropout: Dropout) -> None:
        super().__init__()
        self.rank = rank
        self.alpha = float(alpha or rank)
        self.dropout = dropout

    @property
    def scale(self) -> float:
        """Factor of the change."""
        return self.alpha / self.rank

    @abstractmethod
    def delta(self) -> Tensor:
        """Return the change of the weight, scale included, (outputs, inputs), float32."""

    def forward(self, x: Tensor) -> Tensor:
        """Return what is added to the projection of ``x`` (..., inputs): (..., outputs)."""
        return F.linear(x, self._masked_delta().to(x.dtype))

    def _masked_delta(self) -> Tensor:
        """Return the change with some of its rows dropped, in training."""
        delta = self.delta()
        if self.training and self.dropout.ranks:
            kept = torch.rand(delta.shape[0], 1, device=delta.device) >= self.dropout.ranks
            delta = delta * kept / (1 - self.dropout.ranks)
        return delta

    def saved_alpha(self) -> Tensor:
        """Return the alpha that files carry, shape ()."""
        return torch.tensor(self.alpha)


class LoraChange(Change):
    """``up down alpha / rank``, up (outputs, rank), down (rank, inputs)."""

    fast = ("up",)

    def __init__(
        self, inputs: int, outputs: int, *, rank: int, alpha: float | None = None, dropout: Dropout = Dropout()
    ) -> None:
        """Start at zero: ``up`` is 0, ``down`` uniform within 1 / root of the inputs."""
        super().__init__(rank, alpha, dropout)
        self.down = _uniform(rank, inputs, fan=inputs)
        self.up = _zeros(outputs, rank)

    def delta(self) -> Tensor:
        """Return the change of the weight."""
        return self.up @ self.down * self.scale

    def forward(self, x: Tensor) -> Tensor:
        """Return what is added to the projection of ``x``, without ever building the whole change."""
        inner = F.linear(x, self.down.to(x.dtype))
        scale = self.scale
        if self.training and self.dropout.values:
            inner = F.dropout(inner, self.dropout.values)
        if self.training and self.dropout.ranks:
            shape = (inner.shape[0], *[1] * (inner.ndim - 2), self.rank)
            inner = inner * (torch.rand(shape, device=x.device) >= self.dropout.ranks)
            scale /= 1 - self.dropout.ranks
        return F.linear(inner, self.up.to(x.dtype)) * scale


class LohaChange(Change):
    """``(w1_a w1_b) * (w2_a w2_b) alpha / rank``, a product element by element."""

    fast = ("hada_w2_a",)

    def __init__(
        self, inputs: int, outputs: int, *, rank: int, alpha: float | None = None, dropout: Dropout = Dropout()
    ) -> None:
        """Start at zero: ``w2_a`` is 0, the others normal with deviations 0.1, 1 and 1."""
        super().__init__(rank, alpha, dropout)
        self.hada_w1_a = _normal(outputs, rank, deviation=0.1)
        self.hada_w1_b = _normal(rank, inputs, deviation=1.0)
        self.hada_w2_a = _zeros(outputs, rank)
        self.hada_w2_b = _normal(rank, inputs, deviation=1.0)

    def delta(self) -> Tensor:
        """Return the change of the weight."""
        return (self.hada_w1_a @ self.hada_w1_b) * (self.hada_w2_a @ self.hada_w2_b) * self.scale


class LokrChange(Change):
    """``w1 (x) w2 alpha / rank``, a Kronecker product; w2 whole, or ``w2_a w2_b`` where the rank is small."""

    fast = ("lokr_w1",)

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        rank: int,
        alpha: float | None = None,
        factor: int = -1,
        dropout: Dropout = Dropout(),
    ) -> None:
        """Start at zero: ``w2`` or ``w2_b`` is 0, the others uniform within 1 / root of their columns.

        Args:
            inputs, outputs: sizes of the projection.
            rank: of w2; half of its larger side or more makes it whole, and alpha then is the rank.
            alpha: numerator of the scale; 0 and None: the rank.
            factor: wanted size of w1, see ``factorized``; -1: as near to a square as possible.
            dropout: what is dropped while training.
        """
        (rows, inner_rows), (columns, inner_columns) = factorized(outputs, factor), factorized(inputs, factor)
        self.is_whole = rank >= max(inner_rows, inner_columns) / 2
        super().__init__(rank, rank if self.is_whole else alpha, dropout)
        self.lokr_w1 = _uniform(rows, columns, fan=columns)
        if self.is_whole:
            self.lokr_w2 = _zeros(inner_rows, inner_columns)
        else:
            self.lokr_w2_a = _uniform(inner_rows, rank, fan=rank)
            self.lokr_w2_b = _zeros(rank, inner_columns)

    def delta(self) -> Tensor:
        """Return the change of the weight."""
        return torch.kron(self.lokr_w1, self._second()) * self.scale

    def forward(self, x: Tensor) -> Tensor:
        """Return what is added to the projection of ``x``, as two small products where no row is dropped."""
        if self.training and self.dropout.ranks:
            return super().forward(x)
        w1, w2 = self.lokr_w1.to(x.dtype), self._second().to(x.dtype)
        inner = F.linear(x.unflatten(-1, (w1.shape[1], w2.shape[1])), w2)  # (..., m, k)
        return (torch.einsum("lm,...mk->...lk", w1, inner) * self.scale).flatten(-2)

    def _second(self) -> Tensor:
        return self.lokr_w2 if self.is_whole else self.lokr_w2_a @ self.lokr_w2_b

    def saved_alpha(self) -> Tensor:
        """Return the alpha that files carry: of a whole w2 the rank, an integer, as in sd-scripts."""
        return torch.tensor(self.rank) if self.is_whole else super().saved_alpha()


def factorized(size: int, factor: int = -1) -> tuple[int, int]:
    """Return two factors of a size, the smaller first.

    ``factor`` is one of them where it divides the size; else the smaller one is the largest divisor that does not
    exceed ``factor`` or the root of the size. -1 means as near to a square as possible.

    >>> factorized(2048), factorized(2048, 4), factorized(68, 8)
    ((32, 64), (4, 512), (4, 17))
    """
    if factor > 0 and size % factor == 0:
        return min(factor, size // factor), max(factor, size // factor)
    most = math.isqrt(size) if factor < 0 else min(factor, math.isqrt(size))
    small = next(divisor for divisor in range(most, 0, -1) if size % divisor == 0)
    return small, size // small


def _uniform(rows: int, columns: int, *, fan: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(rows, columns).uniform_(-(fan**-0.5), fan**-0.5))


def _normal(rows: int, columns: int, *, deviation: float) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, columns) * deviation)


def _zeros(rows: int, columns: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(rows, columns))
