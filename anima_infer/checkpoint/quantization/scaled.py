"""Weights with a scale per tensor or per row: fp8 and int8, the latter also rotated.

Source: comfy-kitchen 0.2.24 and ComfyUI 0.29.0 (what they compute).
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from anima_infer.checkpoint.quantization.layers import LayerError, LayerOptions, StoredLayer
from anima_infer.checkpoint.quantization.rotation import check_rotation, rotate

FLOATS = ("F32", "BF16", "F16")
FP8 = ("F8_E4M3", "F8_E5M2")
EMBEDDING = "llm_adapter.embed"
"""The one embedding that is quantized; its scale is 1 where it is missing."""


def check_fp8(layer: StoredLayer) -> None:
    """Check dtypes and shapes of an fp8 layer.

    Raises:
        LayerError: they do not fit.
    """
    shape = layer.require("weight", FP8, axes=2)
    if layer.options.rotated:
        raise LayerError(f"'{layer.name}' is described as {layer.options.format} with convrot, which is for int8 alone")
    _check_scale(layer, shape)


def check_int8(layer: StoredLayer) -> None:
    """Check dtypes and shapes of an int8 layer.

    Raises:
        LayerError: they do not fit.
    """
    shape = layer.require("weight", ("I8",), axes=2)
    if layer.options.rotated:
        check_rotation(layer, shape[1])
    _check_scale(layer, shape)


def _check_scale(layer: StoredLayer, shape: tuple[int, ...]) -> None:
    if "weight_scale" not in layer.shapes and (layer.name == EMBEDDING or layer.name.endswith(f".{EMBEDDING}")):
        return
    scale = layer.require("weight_scale", FLOATS)
    rows, columns = shape
    if scale in ((), (1,), (1, 1), (rows, 1)) or (scale == (rows,) and rows != columns):
        return
    advice = "rows and columns cannot be told apart" if scale == (rows,) else f"expected one value or shape [{rows}, 1]"
    raise LayerError(f"'{layer.name}.weight_scale' has shape {list(scale)} for a weight of {list(shape)}; {advice}")


def scaled_shape(layer: StoredLayer) -> tuple[int, int]:
    """Return the shape of the weight."""
    rows, columns = layer.shapes["weight"]
    return rows, columns


def decode_scaled(tensors: Mapping[str, Tensor], options: LayerOptions) -> Tensor:
    """Return the weight in float32: (outputs, inputs)."""
    weight = tensors["weight"].float()
    if "weight_scale" in tensors:
        scale = tensors["weight_scale"].float()
        weight = weight * (scale if scale.numel() == 1 else scale.reshape(-1, 1))
    return rotate(weight, options.rotation_group) if options.rotated else weight
