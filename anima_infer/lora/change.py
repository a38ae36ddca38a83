"""What LoRAs make of one weight, as products beside it: ``rows * W * columns + sum of products``.

Source: Hu et al. 2021 (LoRA), Yeh et al. 2023 (LyCORIS: LoHa, LoKr), Liu et al. 2024 (DoRA); ComfyUI 0.29.0 (scales,
order, norms of DoRA), PEFT (norms of its magnitude vector).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from anima_infer.errors import LoraError
from anima_infer.lora.deltas import Delta

_EPS = torch.finfo(torch.float32).eps
"""Added to DoRA's norms by ComfyUI."""


@dataclass(slots=True)
class WeightChange:
    """A changed weight: ``rows * W * columns + sum of up @ down + sum of kron(one, two) + dense``, all float32.

    Attributes:
        shape: of the weight, (outputs, inputs), or (width,) of a norm.
        rows, columns: factors of the weight's rows (outputs,) and columns (inputs,); None for 1.
        products: pairs of ``up`` (outputs, r) and ``down`` (r, inputs).
        kroneckers: pairs of LoKr's factors.
        dense: of the weight's shape; None for 0.
        replacement: takes the place of W; None where W stays.
        bias: added to the bias, (outputs,); None for 0.
    """

    shape: torch.Size
    rows: Tensor | None = None
    columns: Tensor | None = None
    products: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    kroneckers: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    dense: Tensor | None = None
    replacement: Tensor | None = None
    bias: Tensor | None = None

    def apply_to(self, weight: Tensor) -> Tensor:
        """Return the changed weight of a float32 weight."""
        changed = weight if self.replacement is None else self.replacement
        changed = changed if self.rows is None else changed * self.rows[:, None]
        changed = changed if self.columns is None else changed * self.columns
        for up, down in self.products:
            changed = changed + up @ down
        for one, two in self.kroneckers:
            changed = changed + torch.kron(one, two)
        return changed if self.dense is None else changed + self.dense

    def add(self, delta: Delta, strength: float, weight: Callable[[], Tensor]) -> None:
        """Apply one more LoRA, on top of those before.

        Args:
            delta: of this module, on the weight's device.
            strength: of the LoRA.
            weight: returns the stored weight, float32; asked for by DoRA alone.

        Raises:
            LoraError: the sizes do not fit.
        """
        if delta.kind == "whole weight":
            self._replace(delta.whole("set_weight", self.shape))
        elif delta.kind == "difference":
            self._add_dense(strength * delta.whole("diff", self.shape))
        elif delta.kind is not None:
            if len(self.shape) != 2:
                raise LoraError(f"{delta.form} changes matrices; the weight has shape {tuple(self.shape)}")
            if "magnitude" in delta.tensors or "dora_scale" in delta.tensors:
                self._add_with_magnitude(delta, strength, weight())
            else:
                self._add_products(_products_of(delta, self.shape), strength)

    def add_bias(self, delta: Delta, strength: float, *, has_bias: bool) -> None:
        """Add a difference of the bias.

        Raises:
            LoraError: the module has no bias, or one of another size.
        """
        if not has_bias:
            raise LoraError("the LoRA changes a bias, and the module has none")
        change = strength * delta.whole("diff_b", torch.Size(self.shape[:1]))
        self.bias = change if self.bias is None else self.bias + change

    def _replace(self, weight: Tensor) -> None:
        self.rows = self.columns = self.dense = None
        self.products, self.kroneckers, self.replacement = [], [], weight

    def _add_dense(self, dense: Tensor) -> None:
        self.dense = dense if self.dense is None else self.dense + dense

    def _add_products(self, new: WeightChange, strength: float) -> None:
        self.products += [(strength * up, down) for up, down in new.products]
        self.kroneckers += [(strength * one, two) for one, two in new.kroneckers]
        if new.dense is not None:
            self._add_dense(strength * new.dense)

    def _add_with_magnitude(self, delta: Delta, strength: float, weight: Tensor) -> None:
        """Apply DoRA: ``W + strength * (gain * (W + D) - W)``, with a gain per row or per column."""
        new = _products_of(delta, self.shape)
        current = self.apply_to(weight)
        gain, by_rows = _gain(delta, current, new.apply_to(current))
        self.multiply_by(1 - strength + strength * gain, by_rows=by_rows)
        new.multiply_by(gain, by_rows=by_rows)
        new.rows = new.columns = None
        self._add_products(new, strength)

    def multiply_by(self, gain: Tensor, *, by_rows: bool) -> None:
        """Multiply every row, or every column, of the changed weight."""
        for one, two in self.kroneckers:  # a Kronecker product does not stay one
            self._add_dense(torch.kron(one, two))
        self.kroneckers = []
        if by_rows:
            self.rows = gain if self.rows is None else self.rows * gain
            self.products = [(up * gain[:, None], down) for up, down in self.products]
            self.dense = None if self.dense is None else self.dense * gain[:, None]
        else:
            self.columns = gain if self.columns is None else self.columns * gain
            self.products = [(up, down * gain) for up, down in self.products]
            self.dense = None if self.dense is None else self.dense * gain


def _products_of(delta: Delta, shape: torch.Size) -> WeightChange:
    """Return a delta, scaled by alpha / rank, as products."""
    if delta.kind == "LoRA":
        up, down = delta.factors(shape)
        return WeightChange(shape, products=[(delta.scale * up, down)])
    if delta.kind == "LoKr":
        one, two = delta.kronecker(shape)
        return WeightChange(shape, kroneckers=[(delta.scale * one, two)])
    (up, down), (up2, down2) = delta.hadamard(shape)
    rank = up.shape[1] * up2.shape[1]
    if rank > min(shape) // 2:  # as many columns would cost more than the whole matrix
        return WeightChange(shape, dense=delta.scale * (up @ down) * (up2 @ down2))
    ups = (up[:, :, None] * up2[:, None, :]).flatten(1)  # (outputs, r r'); an elementwise product of products is one
    downs = (down[:, None, :] * down2[None, :, :]).flatten(0, 1)
    return WeightChange(shape, products=[(delta.scale * ups, downs)])


def _gain(delta: Delta, current: Tensor, changed: Tensor) -> tuple[Tensor, bool]:
    """Return what DoRA multiplies the changed weight by, and whether per row (else per column).

    PEFT's vector is divided by the norms of the changed rows. LyCORIS' ``dora_scale`` is divided as ComfyUI 0.29.0
    does: over outputs by the norms of the weight before the change, over inputs by those of the changed columns.

    Raises:
        LoraError: it has another shape, or its axis cannot be told.
    """
    outputs, inputs = current.shape
    if "magnitude" in delta.tensors:
        magnitude = delta.tensors["magnitude"].float()
        if magnitude.shape != (outputs,):
            raise LoraError(f"the magnitude has shape {tuple(magnitude.shape)}; expected ({outputs},)")
        return magnitude / changed.norm(dim=1).clamp_min(torch.finfo(torch.float32).tiny), True
    magnitude = delta.tensors["dora_scale"].float()
    shape = tuple(magnitude.shape)
    if shape == (outputs,) == (inputs,):
        raise LoraError(f"'dora_scale' has {outputs} values for a square weight, which may be of rows or of columns")
    if shape in ((outputs, 1), (outputs,)):
        return magnitude.flatten() / (current.norm(dim=1) + _EPS), True
    if shape in ((1, inputs), (inputs,)):
        return magnitude.flatten() / (changed.norm(dim=0) + _EPS), False
    raise LoraError(f"'dora_scale' has shape {shape}; expected ({outputs}, 1) or (1, {inputs})")
