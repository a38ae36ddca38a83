"""Training data of the demo model: drawings, weights of their parts, and how often each is sampled."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
from torch import Tensor

from anima_infer.demo.drawing import QUALITIES, Figure, Scene, details, draw, random_scene

DETAIL = 12.0
"""Additional loss weight of a latent that shows nothing but a face."""

HIDING_HATS = frozenset(("witch hat", "beret"))
"""Hats that hide most of the hair."""


def random_scenes(count: int, seed: int) -> list[Scene]:
    """Return random scenes."""
    source = random.Random(seed)  # noqa: S311  no secret
    return [random_scene(source) for _ in range(count)]


def draw_images(chosen: Sequence[Scene], seed: int, workers: int = 2) -> Tensor:
    """Return drawings of scenes, (N, 3, 64, 64) uint8."""
    with ProcessPoolExecutor(workers) as pool:
        parts = list(pool.map(_drawn, chosen, range(seed, seed + len(chosen)), chunksize=64))
    return torch.from_numpy(np.stack(parts)).permute(0, 3, 1, 2).contiguous()


def _drawn(scene: Scene, seed: int) -> np.ndarray:
    return np.asarray(draw(scene, seed))


def latent_weights(chosen: Sequence[Scene], seed: int, workers: int = 2) -> Tensor:
    """Return the loss weight of each latent of the drawings, (N, 1, 8, 8), at least 1.

    Eyes and mouths are a fiftieth of an image; with equal weights they teach the text encoder next to nothing. Weights
    change what is learned first, not the optimum: the best velocity of each latent stays the same.
    """
    with ProcessPoolExecutor(workers) as pool:
        parts = list(pool.map(details, chosen, range(seed, seed + len(chosen)), chunksize=64))
    sharp = torch.tensor([QUALITIES.index(scene.quality) < 4 for scene in chosen])
    return 1 + DETAIL * sharp.view(-1, 1, 1, 1) * torch.from_numpy(np.stack(parts))[:, None] / 255


def sampling_weights(chosen: Sequence[Scene]) -> Tensor:
    """Return the relative sampling frequency of scenes, (N,), at least 1.

    Small figures and hair under a hat are rare and hard to draw, so that they are sampled more often.
    """
    return torch.tensor([_sampling_weight(scene) for scene in chosen])


def _sampling_weight(scene: Scene) -> float:
    small = bool(scene.figures) and scene.framing == "full body"
    return (2.5 if small else 1.0) * (2.0 if any(map(_hides_hair, scene.figures)) else 1.0)


def _hides_hair(figure: Figure) -> bool:
    return not HIDING_HATS.isdisjoint(figure.accessories)
