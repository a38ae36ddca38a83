"""The demo model's drawings, and how much each part of them counts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
from torch import Tensor

from anima_infer.demo.drawing import QUALITIES, Figure, Scene, details, draw, random_scene

DETAIL = 12.0
"""What a latent that is all face counts above others."""

HIDING = frozenset(("witch hat", "beret"))
"""Hats that leave little of the hair."""


def scenes(count: int, seed: int) -> list[Scene]:
    """Return random scenes."""
    source = random.Random(seed)  # noqa: S311  no secret
    return [random_scene(source) for _ in range(count)]


def images(chosen: Sequence[Scene], seed: int, workers: int = 2) -> Tensor:
    """Return drawings as N x 3 x 64 x 64 uint8."""
    with ProcessPoolExecutor(workers) as pool:
        parts = list(pool.map(_drawn, chosen, range(seed, seed + len(chosen)), chunksize=64))
    return torch.from_numpy(np.stack(parts)).permute(0, 3, 1, 2).contiguous()


def _drawn(scene: Scene, seed: int) -> np.ndarray:
    return np.asarray(draw(scene, seed))


def weights(chosen: Sequence[Scene], seed: int, workers: int = 2) -> Tensor:
    """Return how much each latent of the images counts: N x 1 x 8 x 8, 1 and more.

    Eyes and mouths are a fiftieth of an image; in a plain mean they teach the text next to nothing. A weight changes
    what is learned first, not what is right: the best velocity of each latent stays the same.
    """
    with ProcessPoolExecutor(workers) as pool:
        parts = list(pool.map(details, chosen, range(seed, seed + len(chosen)), chunksize=64))
    sharp = torch.tensor([QUALITIES.index(scene.quality) < 4 for scene in chosen])
    return 1 + DETAIL * sharp.view(-1, 1, 1, 1) * torch.from_numpy(np.stack(parts))[:, None] / 255


def odds(chosen: Sequence[Scene]) -> Tensor:
    """Return how much likelier than others the scenes are to be learned from: N, 1 and more.

    Small figures are rare, and so is hair under a hat; both are hard to draw.
    """
    return torch.tensor([_odds(scene) for scene in chosen])


def _odds(scene: Scene) -> float:
    small = bool(scene.figures) and scene.framing == "full body"
    return (2.5 if small else 1.0) * (2.0 if any(map(_hides_hair, scene.figures)) else 1.0)


def _hides_hair(figure: Figure) -> bool:
    return not HIDING.isdisjoint(figure.accessories)
