"""Full fine-tuning: which weights belong to which learning rate."""

from __future__ import annotations

import re
from collections.abc import Iterable

from anima_infer.training.spec.definition import GroupRates

PARTS: tuple[tuple[str, str], ...] = (
    ("adapter", r"llm_adapter\..*"),
    ("self_attn", r"blocks\.\d+\.self_attn\..*"),
    ("cross_attn", r"blocks\.\d+\.cross_attn\..*"),
    ("mlp", r"blocks\.\d+\.mlp\..*"),
    ("modulation", r".*adaln_modulation.*"),
    ("other", r".*"),
)
"""Parts in the order in which a name is looked up; the names of sd-scripts' parts, with their norms."""


def part_of(name: str) -> str:
    """Return the part of the DiT that a weight belongs to.

    >>> part_of("blocks.0.self_attn.q_norm.weight"), part_of("final_layer.linear.weight")
    ('self_attn', 'other')
    """
    return next(part for part, pattern in PARTS if re.fullmatch(pattern, name))


def rates_of(names: Iterable[str], rates: GroupRates, rate: float) -> dict[str, float]:
    """Return the learning rate of every weight; those at 0 are frozen and left out."""
    found = {}
    for name in names:
        own = getattr(rates, part_of(name), None)
        found[name] = rate if own is None else own
    return {name: value for name, value in found.items() if value > 0}
