"""Where an image shows what is small and asked for, so that the loss can count it more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from anima_infer.demo.drawing.image import draw
from anima_infer.demo.drawing.pen import SIZE
from anima_infer.demo.drawing.scene import YEARS, Figure, Scene, with_figure

MOST = 4.0
"""How much more a part can count where little of it shows."""


def details(scene: Scene, seed: int) -> np.ndarray:
    """Return how much of each 8 x 8 pixels shows what is small and asked for; 8 x 8, uint8, 255 is the most.

    An image is compared with itself drawn with other faces, without what is worn, in other clothes, with other hair.
    What shows less than usual (hair under a hat, a small figure's shirt) counts more in turn.
    """
    clean = replace(scene, style="", quality="masterpiece", year=YEARS[-1])
    drawn = _pixels(clean, seed)
    found = np.zeros((SIZE, SIZE))
    for share, usual, change in _OTHERWISE:
        other = clean
        for index, figure in enumerate(scene.figures):
            other = with_figure(other, index, **change(figure))
        changed = np.abs(drawn - _pixels(other, seed)).max(-1) > 24
        rarity = usual * len(scene.figures) / max(1, changed.sum())
        found += share * min(MOST, max(1.0, rarity)) * changed
    return found.clip(0, 255).reshape(8, SIZE // 8, 8, SIZE // 8).mean((1, 3)).astype(np.uint8)


def _other(name: str, *choices: str) -> str:
    return next(choice for choice in choices if choice != name)


_OTHERWISE: tuple[tuple[int, int, Callable[[Figure], dict[str, object]]], ...] = (
    (
        180,
        200,
        lambda f: {
            "expression": _other(f.expression, "open mouth", "angry"),
            "eyes": _other(f.eyes, "red eyes", "blue eyes"),
        },
    ),
    (60, 150, lambda _: {"accessories": ()}),
    (80, 500, lambda f: {"clothes": _other(f.clothes, "cape", "overalls")}),
    (60, 400, lambda f: {"hair": _other(f.hair, "black hair", "white hair")}),
    (50, 300, lambda f: {"hair_style": _other(f.hair_style, "short hair", "twintails")}),
)
"""How much parts count, how many pixels of a character they usually are, and what is changed to find them.

Faces come first and count most, they are the smallest.
"""


def _pixels(scene: Scene, seed: int) -> np.ndarray:
    return np.asarray(draw(scene, seed), dtype=np.int16)
