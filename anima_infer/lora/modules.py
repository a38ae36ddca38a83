"""Modules that stand in the place of a network's own ones, and add what LoRAs change; the stored weights stay.

A product of low rank is computed beside the stored weight, ``y = W x + up (down x)``, so that its effect does not
depend on how coarsely the weight is stored. Buffers move with the network's blocks (offloading), and are written over
where strengths change, so that compiled code stays valid.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anima_infer.errors import LoraError
from anima_infer.lora.change import WeightChange

_NORM_EPS = 1e-6


class ChangedModule(nn.Module):
    """A module of a network with a change beside its weight."""

    def __init__(self, base: nn.Module, dtype: torch.dtype) -> None:
        """Stand for ``base``, which computes in ``dtype``."""
        super().__init__()
        self.base, self.dtype = base, dtype
        self.kroneckers = 0
        self.eval()

    @property
    def weight(self) -> Tensor:
        """The stored weight, unchanged."""
        return self.base.weight  # type: ignore[return-value]

    def set(self, change: WeightChange) -> None:
        """Make this the change, whatever it was before."""
        tensors = _concatenated(change, self.dtype)
        for name in list(self._buffers):
            if name not in tensors:
                delattr(self, name)
        for name, tensor in tensors.items():
            buffer = self._buffers.get(name)
            if buffer is not None and buffer.shape == tensor.shape and buffer.device == tensor.device:
                buffer.copy_(tensor)
            else:
                self.register_buffer(name, tensor.contiguous(), persistent=False)
        self.kroneckers = len(change.kroneckers)

    def part(self, name: str) -> Tensor | None:
        """Return a part of the change; None if it has none."""
        return self._buffers.get(name)


def _concatenated(change: WeightChange, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return the tensors of a change; all products of low rank are one. Factors of whole rows stay float32."""
    tensors: dict[str, Tensor | None] = {"rows": change.rows, "columns": change.columns, "bias_change": change.bias}
    if change.products:
        tensors["up"] = torch.cat([up for up, _ in change.products], dim=1).to(dtype)
        tensors["down"] = torch.cat([down for _, down in change.products]).to(dtype)
    for index, (one, two) in enumerate(change.kroneckers):
        tensors[f"one{index}"], tensors[f"two{index}"] = one.to(dtype), two.to(dtype)
    tensors["dense"] = None if change.dense is None else change.dense.to(dtype)
    tensors["replacement"] = None if change.replacement is None else change.replacement.to(dtype)
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


class ChangedLinear(ChangedModule):
    """A projection with a change beside its weight.

    The change is the addend of the weight's own matrix product, which is rounded once. Added after it, a change below
    half a step of bfloat16 would vanish, as it does in a weight of bfloat16.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(rows * W * columns + change) x + bias``."""
        flat = x.reshape(-1, x.shape[-1])
        weight = self._weight(x.dtype)
        change = self._change(flat, weight)
        y = flat @ weight.T if change is None else torch.addmm(change, flat, weight.T)
        stored_bias: Tensor | None = self.base.bias  # type: ignore[assignment]
        bias = self.part("bias_change")
        if stored_bias is not None:
            bias = stored_bias if bias is None else stored_bias.float() + bias
        return (y if bias is None else (y + bias).to(x.dtype)).unflatten(0, x.shape[:-1])

    def _weight(self, dtype: torch.dtype) -> Tensor:
        replacement = self.part("replacement")
        return weight_in(self.base, dtype) if replacement is None else replacement.to(dtype)

    def _change(self, x: Tensor, weight: Tensor) -> Tensor | None:
        """Return what is added to ``W x`` (L, outputs); None for nothing."""
        terms = [self._scaled_difference(x, weight)]
        up, down, dense = self.part("up"), self.part("down"), self.part("dense")
        if up is not None and down is not None:
            terms.append(x @ down.T.to(x.dtype) @ up.T.to(x.dtype))
        if dense is not None:
            terms.append(x @ dense.T.to(x.dtype))
        terms += [self._kronecker(x, index) for index in range(self.kroneckers)]
        added = [term for term in terms if term is not None]
        return sum(added[1:], added[0]) if added else None

    def _scaled_difference(self, x: Tensor, weight: Tensor) -> Tensor | None:
        """Return ``(rows * W * columns - W) x``, the differences from 1 being multiplied, which rounding would lose."""
        rows, columns = self.part("rows"), self.part("columns")
        difference = None if columns is None else (x * (columns - 1)).to(x.dtype) @ weight.T
        if rows is None:
            return difference
        y = x @ weight.T if difference is None else x @ weight.T + difference
        of_rows = (y * (rows - 1)).to(x.dtype)
        return of_rows if difference is None else difference + of_rows

    def _kronecker(self, x: Tensor, index: int) -> Tensor:
        """Return ``kron(one, two) x`` by two small products: x as (m, n) becomes ``one x two^T``."""
        one, two = self.part(f"one{index}"), self.part(f"two{index}")
        assert one is not None
        assert two is not None
        grid = x.unflatten(-1, (one.shape[1], two.shape[1]))  # (L, m, n)
        return (one.to(x.dtype) @ (grid @ two.T.to(x.dtype))).flatten(1)


def weight_in(module: nn.Module, dtype: torch.dtype) -> Tensor:
    """Return the weight that a module's stored values stand for, in a dtype to compute in."""
    own: Callable[[torch.dtype], Tensor] | None = getattr(module, "weight_in", None)
    if own is not None:
        return own(dtype)
    weight: Tensor = module.weight  # type: ignore[assignment]
    return weight if weight.dtype is dtype else weight.to(dtype)


class ChangedNorm(ChangedModule):
    """An RMS norm with a changed weight, computed in float32."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalized tensor."""
        stored = self.part("replacement")
        weight = self.weight.float() if stored is None else stored.float()
        dense = self.part("dense")
        weight = weight if dense is None else weight + dense.float()
        return F.rms_norm(x.float(), x.shape[-1:], weight, _NORM_EPS).to(x.dtype)


class ChangedEmbedding(ChangedModule):
    """A table of embeddings with a change beside it."""

    def forward(self, ids: Tensor) -> Tensor:
        """Return the rows of ids."""
        rows, columns, up, dense, replacement = (
            self.part(name) for name in ("rows", "columns", "up", "dense", "replacement")
        )
        result: Tensor = self.base(ids) if replacement is None else F.embedding(ids, replacement)
        dtype = result.dtype
        result = result.float() if rows is None else result * rows[ids][..., None]
        result = result if columns is None else result * columns
        if up is not None:
            down = self.part("down")
            assert down is not None
            result = result + F.embedding(ids, up) @ down
        for index in range(self.kroneckers):
            one, two = self.part(f"one{index}"), self.part(f"two{index}")
            assert one is not None
            assert two is not None
            high, low = ids // two.shape[0], ids % two.shape[0]
            result = result + (one[high][..., :, None] * two[low][..., None, :]).flatten(-2)
        return (result if dense is None else result + F.embedding(ids, dense)).to(dtype)


def changed_module(base: nn.Module, dtype: torch.dtype) -> ChangedModule:
    """Return a module that stands for another one.

    Raises:
        LoraError: a module of this kind cannot be changed.
    """
    if isinstance(base, nn.Linear):
        return ChangedLinear(base, dtype)
    if isinstance(base, nn.Embedding):
        return ChangedEmbedding(base, dtype)
    if "norm" in type(base).__name__.lower():
        return ChangedNorm(base, dtype)
    raise LoraError(f"a module of the kind {type(base).__name__} cannot be changed")
