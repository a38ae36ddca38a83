"""The table of formats: what each needs in a file, and how its values are computed.

To add a format: write its check, shape and decode functions, and an entry of ``FORMATS``. Source of the names: ComfyUI
0.29.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from anima_infer.checkpoint.quantization import blocks, rotation, scaled
from anima_infer.checkpoint.quantization.layers import LayerError, LayerOptions, StoredLayer


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes:
        roles: of the tensors that it reads besides ``weight``.
        check: raises LayerError if dtypes or shapes in the file do not fit; reads no tensor.
        shape: returns the shape of the weight, with the format's padding.
        decode: returns the weight in float32, with the format's padding, from tensors by role; on their device.
        padding: rows and columns are padded with zeros to a multiple of this.
    """

    roles: frozenset[str]
    check: Callable[[StoredLayer], None]
    shape: Callable[[StoredLayer], tuple[int, int]]
    decode: Callable[[Mapping[str, Tensor], LayerOptions], Tensor]
    padding: int = 1


_SCALE = frozenset({"weight_scale"})
_FP8 = Format(_SCALE, scaled.check_fp8, scaled.scaled_shape, scaled.decode_scaled)
FORMATS: Mapping[str, Format] = {
    "float8_e4m3fn": _FP8,
    "float8_e5m2": _FP8,
    "int8_tensorwise": Format(_SCALE, scaled.check_int8, scaled.scaled_shape, scaled.decode_scaled),
    "mxfp8": Format(_SCALE, blocks.check_mxfp8, blocks.mxfp8_shape, blocks.decode_mxfp8, blocks.MX_BLOCK),
    "nvfp4": Format(
        _SCALE | {"weight_scale_2", "pre_quant_scale"},
        blocks.check_nvfp4,
        blocks.nvfp4_shape,
        blocks.decode_nvfp4,
        blocks.NV_BLOCK,
    ),
    "convrot_w4a4": Format(_SCALE, rotation.check_rotated_int4, rotation.int4_shape, rotation.decode_rotated_int4),
}
IGNORED_ROLES = frozenset({"weight", "bias", "comfy_quant", "input_scale", "scale_input"})
"""Tensors of a layer that do not change its weight; input scales are for matrix products in fp8."""
SCALE_ROLES = frozenset(
    {"weight_scale", "weight_scale_2", "scale_weight", "pre_quant_scale"}
    | {"weight_s_rel", "weight_s_channel", "weight_codebook", "weight_correction", "weight_zeros"}
)
"""Tensors that change the values of a weight, in any format."""
KNOWN_ROLES = SCALE_ROLES | IGNORED_ROLES


def find_format(layer: StoredLayer) -> Format:
    """Return the format of a layer, after a check of dtypes and shapes.

    Raises:
        LayerError: the format is not supported, or the layer's tensors do not fit it.
    """
    known = FORMATS.get(layer.options.format)
    if known is None:
        raise LayerError(
            f"'{layer.name}' is quantized as '{layer.options.format[:60]}', which is not supported; supported are "
            f"{', '.join(FORMATS)}; pass a file in one of these, or the bf16 file"
        )
    known.check(layer)
    extra = sorted((layer.shapes.keys() & SCALE_ROLES) - known.roles)
    if extra:
        raise LayerError(f"'{layer.name}.{extra[0]}' is present, which {layer.options.format} does not have")
    return known
