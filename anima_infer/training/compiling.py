"""Compiled networks, where what they learn stays the same.

A compiler that gets a gradient wrong does so without a word: the loss goes down more slowly, or not at all. So each
gradient is compared with the one in float32, without a compiler, before a compiled network is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

Gradients = Callable[[], Sequence[Tensor]]

SLACK = 2.0
"""How many times as far from float32 as without a compiler a gradient may be ..."""

ROUNDING = 0.1
"""... or, of gradients that round well, which share of their length may be wrong."""


def spoilt(exact: Sequence[Tensor], usual: Sequence[Tensor], compiled: Sequence[Tensor]) -> list[int]:
    """Return which gradients a compiler has spoilt, by their place.

    Args:
        exact: gradients in float32.
        usual: the same, as they are computed without a compiler, rounded perhaps.
        compiled: the same, by the compiled networks.
    """
    found = []
    for place, (true, plain, made) in enumerate(zip(exact, usual, compiled, strict=True)):
        length = float(true.norm())
        allowed = max(SLACK * float((plain - true).norm()), ROUNDING * length)
        if not float((made - true).norm()) <= allowed:  # also where it is no number
            found.append(place)
    return found


def why_not(exact: Gradients, usual: Gradients, compiled: Gradients) -> str:
    """Return in a line why compiled networks cannot be used, "" where they can; gradients are those of ``spoilt``."""
    wanted = exact(), usual()
    try:
        made = compiled()
    except RuntimeError as error:  # all of the compiler's errors are; without one, learning only takes longer
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    found = spoilt(*wanted, made)
    return f"{len(found)} of {len(made)} gradients are not those of the networks as they are" if found else ""
