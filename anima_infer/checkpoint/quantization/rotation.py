"""Rotated weights (ConvRot): groups of columns times a regular Hadamard matrix; and signed 4-bit values.

The matrix is the Kronecker power of a symmetric 4 x 4 one, not Sylvester's, and its own inverse. Source: comfy-kitchen
0.2.24.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from anima_infer.checkpoint.quantization.layers import LayerError, LayerOptions, StoredLayer

_H4 = ((1, 1, 1, -1), (1, 1, -1, 1), (1, -1, 1, 1), (-1, 1, 1, 1))


def check_rotation(layer: StoredLayer, columns: int) -> None:
    """Check that a layer's columns can be rotated in groups.

    Raises:
        LayerError: the group is not a power of 4, or does not divide the columns.
    """
    group = layer.options.rotation_group
    bits = group.bit_length() - 1
    if group < 4 or group != 1 << bits or bits % 2:
        raise LayerError(
            f"'{layer.name}' is rotated in groups of {group} columns; expected a power of 4: 4, 16, 64 or 256"
        )
    if columns % group:
        raise LayerError(f"'{layer.name}' has {columns} columns, which groups of {group} columns do not divide")


@cache
def hadamard(size: int) -> Tensor:
    """Return the orthogonal matrix of a power of 4, float32.

    >>> hadamard(4)[0].tolist()
    [0.5, 0.5, 0.5, -0.5]
    """
    four = torch.tensor(_H4, dtype=torch.float32)
    matrix = torch.ones(1, 1)
    while len(matrix) < size:
        matrix = torch.kron(matrix, four)
    return matrix / len(matrix) ** 0.5


def rotate(weight: Tensor, group: int) -> Tensor:
    """Return rows whose groups of columns are multiplied by the matrix; rotating twice gives the weight again.

    The matrix is a Kronecker product of two, which are applied one after the other: shorter sums are more exact
    (1e-7 of the largest value instead of 8e-7 for groups of 256).

    >>> rotate(torch.tensor([[1.0, 0, 0, 0]]), 4).tolist()
    [[0.5, 0.5, 0.5, -0.5]]
    """
    first = 4 ** ((group.bit_length() - 1) // 4)
    left, right = hadamard(first).to(weight.device), hadamard(group // first).to(weight.device)
    rotated = (weight.reshape(-1, len(right)) @ right).view(-1, first, len(right))
    return (left @ rotated).view(weight.shape)


def check_rotated_int4(layer: StoredLayer) -> None:
    """Check dtypes and shapes of a layer of rotated 4-bit values.

    Raises:
        LayerError: they do not fit.
    """
    rows, columns = layer.require("weight", ("I8",), axes=2)
    check_rotation(layer, 2 * columns)
    scale = layer.require("weight_scale", ("F32", "BF16", "F16"))
    if scale not in ((rows,), (rows, 1)):
        raise LayerError(f"'{layer.name}.weight_scale' has shape {list(scale)}; expected [{rows}], a value per row")


def int4_shape(layer: StoredLayer) -> tuple[int, int]:
    """Return the shape of the weight; a byte has two columns."""
    rows, columns = layer.shapes["weight"]
    return rows, 2 * columns


def decode_rotated_int4(tensors: Mapping[str, Tensor], options: LayerOptions) -> Tensor:
    """Return the weight in float32: (outputs, inputs)."""
    codes = torch.arange(16, dtype=torch.float32, device=tensors["weight"].device)
    values = look_up_nibbles(tensors["weight"], torch.where(codes < 8, codes, codes - 16), low_first=True)
    return rotate(values * tensors["weight_scale"].float().reshape(-1, 1), options.rotation_group)


def look_up_nibbles(packed: Tensor, values: Tensor, *, low_first: bool) -> Tensor:
    """Return the values of the two 4-bit codes of every byte, (rows, n) as columns (rows, 2 n).

    Args:
        packed: 8-bit integers.
        values: of the codes 0 to 15.
        low_first: whether a byte's low bits are its first column.
    """
    data = torch.arange(256, device=packed.device)
    low, high = values[data & 15], values[data >> 4]
    pairs = torch.stack((low, high) if low_first else (high, low), dim=-1)  # (256, 2)
    return F.embedding(packed.view(torch.uint8).int(), pairs).flatten(1)
