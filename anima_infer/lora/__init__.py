"""LoRA, LoHa, LoKr, DoRA and full differences: reading every spelling of their names, and merging them into weights.

A name in a file is matched against the names that the model's own modules can have in each format; nothing is guessed
by replacing characters, since underscores stand for dots and for themselves. What matches nothing is an error.

Source: ComfyUI 0.29.0; Hu et al. 2021, Yeh et al. 2023 (LyCORIS), Liu et al. 2024 (DoRA).
"""

from anima_infer.lora.deltas import Delta
from anima_infer.lora.file import Lora, matched
from anima_infer.lora.jobs import converted, extracted
from anima_infer.lora.merging import Merger
from anima_infer.lora.names import Names, generic_names, split_name

__all__ = [
    "Delta",
    "Lora",
    "Merger",
    "Names",
    "converted",
    "extracted",
    "generic_names",
    "matched",
    "split_name",
]
