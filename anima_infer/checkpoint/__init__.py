"""Weight files: which part of the model they contain, under which names, and loading them into the networks.

Knows the release's layout, all-in-one files, the folders of diffusers, and the quantized formats of ComfyUI. Files are
memory-mapped, and tensors are read, decoded and cast one at a time, so that loading needs little more memory than the
network.

Source: ComfyUI 0.29.0 (layouts, scales).
"""

from anima_infer.checkpoint.diffusers_names import diffusers_dit_name, diffusers_vae_name
from anima_infer.checkpoint.file import WeightFile, write_weights
from anima_infer.checkpoint.loading import (
    check_part,
    check_parts,
    check_values,
    load_adapter,
    load_dit,
    load_text_encoder,
    load_vae,
)
from anima_infer.checkpoint.parts import CheckpointPart, count_blocks, describe_file, find_add_on, find_part, parts_of

__all__ = [
    "CheckpointPart",
    "WeightFile",
    "check_part",
    "check_parts",
    "check_values",
    "count_blocks",
    "describe_file",
    "diffusers_dit_name",
    "diffusers_vae_name",
    "find_add_on",
    "find_part",
    "load_adapter",
    "load_dit",
    "load_text_encoder",
    "load_vae",
    "parts_of",
    "write_weights",
]
