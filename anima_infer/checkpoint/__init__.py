"""Weight files: what is in them, which part of the model they are, and one tensor at a time into a network.

Knows the release's layout, all-in-one files, the diffusers folders, and fp8 with scales. Files are memory-mapped; a
tensor is read, scaled and cast by itself, so that loading needs little more memory than the network.

Source: what ComfyUI 0.29.0 computes.
"""

from anima_infer.checkpoint.diffusers_names import diffusers_dit_name, diffusers_vae_name
from anima_infer.checkpoint.file import WeightFile, write_weights
from anima_infer.checkpoint.loading import fill, load_adapter, load_dit, load_vae
from anima_infer.checkpoint.parts import Part, kind_of, part_of

__all__ = [
    "Part",
    "WeightFile",
    "diffusers_dit_name",
    "diffusers_vae_name",
    "fill",
    "kind_of",
    "load_adapter",
    "load_dit",
    "load_vae",
    "part_of",
    "write_weights",
]
