"""LoRA, LoHa, LoKr, DoRA and full differences: reading every spelling of their names, and acting on loaded networks.

A LoRA is a product beside the stored weight, whatever the weight's dtype; merging into a file is a job of its own. A
name that matches no module is an error.

Source: ComfyUI 0.29.0; Hu et al. 2021, Yeh et al. 2023 (LyCORIS), Liu et al. 2024 (DoRA).
"""

from anima_infer.lora.active import ActiveLoras, Notify
from anima_infer.lora.change import WeightChange
from anima_infer.lora.deltas import Delta
from anima_infer.lora.depth import BLOCKS_KEY, DEPTHS, Expansion, layout_of, remap_names
from anima_infer.lora.file import Lora
from anima_infer.lora.names import block_of, find_module, spellings
from anima_infer.lora.roles import split_name

__all__ = [
    "BLOCKS_KEY",
    "DEPTHS",
    "ActiveLoras",
    "Delta",
    "Expansion",
    "Lora",
    "Notify",
    "WeightChange",
    "block_of",
    "find_module",
    "layout_of",
    "remap_names",
    "spellings",
    "split_name",
]
