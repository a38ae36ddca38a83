"""LoRA, LoHa, LoKr, DoRA and full differences give the committed numbers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from anima_infer.lora import Delta, WeightChange
from tests.infer import parity
from tests.infer.arithmetic import numbers

ROWS, COLUMNS = 24, 16
SHAPES = {
    "up": (ROWS, 4),
    "down": (4, COLUMNS),
    "hada_w1_a": (ROWS, 3),
    "hada_w1_b": (3, COLUMNS),
    "hada_w2_a": (ROWS, 3),
    "hada_w2_b": (3, COLUMNS),
    "lokr_w1": (4, 4),
    "lokr_w1_a": (4, 3),
    "lokr_w1_b": (3, 4),
    "lokr_w2": (6, 4),
    "lokr_w2_a": (6, 2),
    "lokr_w2_b": (2, 4),
    "diff": (ROWS, COLUMNS),
    "set_weight": (ROWS, COLUMNS),
}
CASES = {
    "LoRA": ("up", "down"),
    "LoHa": ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"),
    "LoKr": ("lokr_w1", "lokr_w2"),
    "LoKr, second factor of low rank": ("lokr_w1", "lokr_w2_a", "lokr_w2_b"),
    "LoKr, both of low rank": ("lokr_w1_a", "lokr_w1_b", "lokr_w2_a", "lokr_w2_b"),
    "difference": ("diff",),
    "whole weight": ("set_weight",),
}


def tensors(case: str) -> dict[str, Tensor]:
    return {role: 0.3 * numbers(role, SHAPES[role]) for role in CASES[case]}


def merged(delta: Delta, base: Tensor, strength: float) -> Tensor:
    change = WeightChange(base.shape)
    change.add(delta, strength, lambda: base)
    return change.apply_to(base)


def test_deltas(check_numbers: Callable[..., None]) -> None:
    base, alpha = numbers("base", (ROWS, COLUMNS)), torch.tensor(1.5)
    deltas = {case: Delta(tensors(case)) for case in CASES}
    deltas |= {f"{case}, alpha 1.5": Delta({**tensors(case), "alpha": alpha}) for case in CASES}
    for case in ("LoRA", "LoHa", "LoKr"):
        rows, columns = 1 + 0.2 * numbers("rows", (ROWS, 1)), 1 + 0.2 * numbers("columns", (1, COLUMNS))
        deltas[f"{case} with DoRA over outputs"] = Delta({**tensors(case), "alpha": alpha, "dora_scale": rows})
        deltas[f"{case} with DoRA over inputs"] = Delta({**tensors(case), "alpha": alpha, "dora_scale": columns})
    cases = {
        f"{name}, strength {strength}": merged(delta, base, strength)
        for name, delta in deltas.items()
        for strength in (1.0, 0.6, -0.5)
    }
    bias = WeightChange(base.shape)
    bias.add_bias(Delta({"diff_b": numbers("diff_b", (ROWS,))}), 0.6, has_bias=True)
    assert bias.bias is not None
    cases["bias, strength 0.6"] = numbers("bias", (ROWS,)) + bias.bias
    check_numbers(
        "lora",
        cases,
        tolerance=2e-6,  # float32 products of rank 4 at most
        about="a weight of 24 x 16 and LoRAs by tests/infer/arithmetic.py, merged",
        parity=[parity.check_lora],
    )
