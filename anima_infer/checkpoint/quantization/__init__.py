"""Quantized weights: which layers of a file are quantized, in which format, and their values.

Knows tensors by name and no network. Weights are decoded in float32, and cast once by the caller.
"""

from anima_infer.checkpoint.quantization.description import METADATA_KEY, Quantization, TensorTable, read_quantization
from anima_infer.checkpoint.quantization.formats import FORMATS, SCALE_ROLES, Format
from anima_infer.checkpoint.quantization.layers import LayerError, LayerOptions, StoredLayer

__all__ = [
    "FORMATS",
    "METADATA_KEY",
    "SCALE_ROLES",
    "Format",
    "LayerError",
    "LayerOptions",
    "Quantization",
    "StoredLayer",
    "TensorTable",
    "read_quantization",
]
