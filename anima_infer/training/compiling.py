"""Compiled networks, used only where their gradients are right.

A compiler that computes a wrong gradient does so silently: the loss falls more slowly, or not at all. So each gradient
is compared with that in float32 without a compiler before a compiled network is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

Gradients = Callable[[], Sequence[Tensor]]

SLACK = 2.0
"""A compiled gradient may be this many times as far from float32 as the gradient without a compiler ..."""

ROUNDING = 0.1
"""... or be wrong by this fraction of its norm, if that is more."""


def find_wrong(exact: Sequence[Tensor], eager: Sequence[Tensor], compiled: Sequence[Tensor]) -> list[int]:
    """Return the indices of the gradients that the compiler computes wrongly.

    Args:
        exact: gradients in float32.
        eager: the same gradients in the training's precision, without a compiler.
        compiled: the same gradients of the compiled networks.
    """
    wrong = []
    for index, (exact_gradient, eager_gradient, compiled_gradient) in enumerate(
        zip(exact, eager, compiled, strict=True)
    ):
        allowed = max(SLACK * float((eager_gradient - exact_gradient).norm()), ROUNDING * float(exact_gradient.norm()))
        if not float((compiled_gradient - exact_gradient).norm()) <= allowed:  # true for NaN too
            wrong.append(index)
    return wrong


def reason_not_to_compile(exact: Gradients, eager: Gradients, compiled: Gradients) -> str:
    """Return a one-line reason not to compile, or "" if compiled gradients match; arguments as of ``find_wrong``."""
    exact_gradients, eager_gradients = exact(), eager()
    try:
        compiled_gradients = compiled()
    except RuntimeError as error:  # every error of the compiler is one; without a compiler, training only takes longer
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    wrong = find_wrong(exact_gradients, eager_gradients, compiled_gradients)
    return f"{len(wrong)} of {len(compiled_gradients)} compiled gradients are wrong" if wrong else ""
