"""Weights with a scale per block of columns: mxfp8 and nvfp4.

Rows and columns are padded with zeros; the scales are stored in the order in which tensor cores read them.
Source: OCP Microscaling Formats 1.0 (mxfp8), NVIDIA's nvfp4, comfy-kitchen 0.2.24 (layout).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from anima_infer.checkpoint.quantization.layers import LayerError, LayerOptions, StoredLayer
from anima_infer.checkpoint.quantization.rotation import look_up_nibbles

MX_BLOCK, NV_BLOCK = 32, 16
_TILE_ROWS, _TILE_COLUMNS = 128, 4
"""Scales are stored in tiles of so many."""
_E2M1 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


def check_mxfp8(layer: StoredLayer) -> None:
    """Check dtypes and shapes of an mxfp8 layer.

    Raises:
        LayerError: they do not fit.
    """
    rows, columns = layer.require("weight", ("F8_E4M3",), axes=2)
    _check_blocks(layer, (rows, columns), MX_BLOCK, ("F8_E8M0", "U8"))


def check_nvfp4(layer: StoredLayer) -> None:
    """Check dtypes and shapes of an nvfp4 layer.

    Raises:
        LayerError: they do not fit.
    """
    rows, columns = layer.require("weight", ("U8",), axes=2)
    _check_blocks(layer, (rows, 2 * columns), NV_BLOCK, ("F8_E4M3", "U8"))
    scale = layer.require("weight_scale_2", ("F32",))
    if _size(scale) != 1:
        raise LayerError(f"'{layer.name}.weight_scale_2' has shape {list(scale)}; expected one value")
    if "pre_quant_scale" in layer.shapes:
        (count,) = layer.require("pre_quant_scale", ("F32", "BF16", "F16"), axes=1)
        if not 0 <= 2 * columns - count < NV_BLOCK:
            raise LayerError(
                f"'{layer.name}.pre_quant_scale' has {count} values; expected {2 * columns}, one per column"
            )


def _check_blocks(layer: StoredLayer, shape: tuple[int, int], block: int, dtypes: tuple[str, ...]) -> None:
    rows, columns = shape
    if rows % block or columns % block or layer.options.rotated:
        stored = list(layer.shapes["weight"])
        reason = "convrot is for int8 alone" if layer.options.rotated else f"rows and columns are not padded to {block}"
        raise LayerError(f"'{layer.name}.weight' has shape {stored} as {layer.options.format}; {reason}")
    scale = layer.require("weight_scale", dtypes)
    expected = _count_scales(rows, columns // block)
    if _size(scale) != expected:
        raise LayerError(
            f"'{layer.name}.weight_scale' has {_size(scale)} values {list(scale)}; {layer.options.format} needs "
            f"{expected} for {rows} x {columns} values"
        )


def _size(shape: tuple[int, ...]) -> int:
    return torch.Size(shape).numel()


def _count_scales(rows: int, blocks: int) -> int:
    return -(-rows // _TILE_ROWS) * _TILE_ROWS * -(-blocks // _TILE_COLUMNS) * _TILE_COLUMNS


def mxfp8_shape(layer: StoredLayer) -> tuple[int, int]:
    """Return the shape of the weight with its padding."""
    rows, columns = layer.shapes["weight"]
    return rows, columns


def nvfp4_shape(layer: StoredLayer) -> tuple[int, int]:
    """Return the shape of the weight with its padding; a byte has two columns."""
    rows, columns = layer.shapes["weight"]
    return rows, 2 * columns


def decode_mxfp8(tensors: Mapping[str, Tensor], options: LayerOptions) -> Tensor:
    """Return the weight in float32, with its padding: (outputs, inputs)."""
    del options
    weight = tensors["weight"].float()
    rows, columns = weight.shape
    codes = unswizzle(tensors["weight_scale"].view(torch.uint8), rows, columns // MX_BLOCK)
    scales = torch.ldexp(torch.ones_like(codes, dtype=torch.float32), codes.int() - 127)
    scales = torch.where(codes == 255, torch.nan, torch.where(codes == 0, 0.0, scales))
    return (weight.unflatten(1, (-1, MX_BLOCK)) * scales[..., None]).flatten(1)


def decode_nvfp4(tensors: Mapping[str, Tensor], options: LayerOptions) -> Tensor:
    """Return the weight in float32, with its padding: (outputs, inputs).

    ``pre_quant_scale`` multiplies the layer's input, which is the same as its columns.
    """
    del options
    table = torch.tensor((*_E2M1, *(-value for value in _E2M1)), device=tensors["weight"].device)
    values = look_up_nibbles(tensors["weight"], table, low_first=False)
    rows, columns = values.shape
    scales = unswizzle(tensors["weight_scale"].view(torch.float8_e4m3fn), rows, columns // NV_BLOCK).float()
    if (scales < 0).any():
        raise LayerError("its weight_scale contains negative scales; download the file again")
    scales = scales * tensors["weight_scale_2"].float().reshape(())
    weight = (values.unflatten(1, (-1, NV_BLOCK)) * scales[..., None]).flatten(1)
    if "pre_quant_scale" in tensors:
        columns_scale = tensors["pre_quant_scale"].float()
        weight = weight[:, : len(columns_scale)] * columns_scale
    return weight


def unswizzle(stored: Tensor, rows: int, blocks: int) -> Tensor:
    """Return the scales of a weight, (rows, blocks), from the order in which they are stored.

    Tiles of 128 x 4 follow each other by rows; inside a tile, scale (r, c) is at ``(r % 32) 16 + (r // 32) 4 + c``.
    """
    down, across = -(-rows // _TILE_ROWS), -(-blocks // _TILE_COLUMNS)
    tiles = stored.reshape(down, across, 32, 4, 4)  # tile row, tile column, r % 32, r // 32, c
    return tiles.permute(0, 3, 2, 1, 4).reshape(down * _TILE_ROWS, across * _TILE_COLUMNS)[:rows, :blocks]
