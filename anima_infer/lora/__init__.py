"""LoRA, LoHa, LoKr, DoRA and full differences: reading every spelling of their names, and merging them into weights.

A name in a file is compared with the names that the model's own modules can have in each format. Nothing is guessed by
replacing characters, since underscores stand both for dots and for themselves. A name that matches no module is an
error.

Source: ComfyUI 0.29.0; Hu et al. 2021, Yeh et al. 2023 (LyCORIS), Liu et al. 2024 (DoRA).
"""

from anima_infer.lora.deltas import Delta
from anima_infer.lora.file import Lora, match_tensors
from anima_infer.lora.jobs import convert_names, extract_lora
from anima_infer.lora.merging import Merger
from anima_infer.lora.names import ModuleNames, names_without_model, split_name

__all__ = [
    "Delta",
    "Lora",
    "Merger",
    "ModuleNames",
    "convert_names",
    "extract_lora",
    "match_tensors",
    "names_without_model",
    "split_name",
]
