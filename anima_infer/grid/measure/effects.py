"""What can be measured of an image alone, and of an image against its baseline. Needs no tensors.

Distances say whether a change does anything; they say nothing of better or worse. Taggers and scorers plug in by one
small interface.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from anima_infer.grid.store.contents import Grid, StoredCell
from anima_infer.images import open_image

if TYPE_CHECKING:
    from PIL.Image import Image
from anima_infer.grid.measure.pixels import Pixels, measure_difference, measure_image, pixels_of

AGAINST = ("rmse", "ssim")


ABOUT = {
    "brightness": "mean luma, 0 to 1",
    "contrast": "standard deviation of the luma, 0 to 0.5",
    "saturation": "mean of (max - min) / max over the pixels, 0 to 1",
    "sharpness": "mean absolute Laplacian of the luma; larger is sharper",
    "rmse": "root mean square difference from the baseline, in levels of 255",
    "ssim": "structural similarity with the baseline; 1 is the same image",
}


class Scorer(Protocol):
    """Scores images: a tagger, an aesthetic model, a classifier of one's own."""

    def score(self, images: Sequence[Image], prompts: Sequence[str]) -> list[dict[str, float]]:
        """Return named figures for each image; the same names for all."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a value of an axis does on average, against the baseline with everything else, the seed too, the same.

    ``pairs`` is how many pairs of images were compared.
    """

    axis: str
    label: str
    pairs: int
    rmse: float
    ssim: float
    changes: Mapping[str, float]


def measure_grid(grid: Grid, scorers: Mapping[str, Scorer] | None = None) -> dict[str, dict[str, float]]:
    """Return the figures of every finished image by key; distances are named ``rmse AXIS`` and ``ssim AXIS``.

    Args:
        grid: with finished images.
        scorers: more figures, by name; theirs are called ``NAME figure``.
    """
    read = functools.lru_cache(maxsize=64)(_read)
    cells = {cell.key: cell for cell in grid.cells if cell.done and grid.image(cell).is_file()}
    figures = {key: measure_image(read(grid.image(cell))) for key, cell in cells.items()}
    at = grid.at()
    for number, axis in enumerate(grid.axes):
        if axis.kind == "seed":
            continue
        for cell in grid.cells:
            other = baseline_cell(cell, number, axis.baseline_index, at)
            if other is None or other is cell or cell.key not in figures or other.key not in figures:
                continue
            mine, theirs = read(grid.image(cell)), read(grid.image(other))
            if mine.shape == theirs.shape:
                found = measure_difference(mine, theirs)
                figures[cell.key] |= {f"{name} {axis.name}": value for name, value in found.items()}
    for name, scorer in (scorers or {}).items():
        opened = [open_image(grid.image(cell)) for cell in cells.values()]
        scores = scorer.score(opened, [cell.job["prompt"] for cell in cells.values()])
        for key, score in zip(cells, scores, strict=True):
            figures[key] |= {f"{name} {figure}".strip(): value for figure, value in score.items()}
    return {key: {name: round(value, 5) for name, value in found.items()} for key, found in figures.items()}


def baseline_cell(
    cell: StoredCell, axis: int, index: int, at: Mapping[tuple[int, ...], StoredCell]
) -> StoredCell | None:
    """Return the cell that differs from another only in having the baseline on an axis."""
    return at.get((*cell.index[:axis], index, *cell.index[axis + 1 :]))


def _read(path: Path) -> Pixels:
    return pixels_of(open_image(path))


def compute_effects(grid: Grid, figures: Mapping[str, Mapping[str, float]]) -> list[Effect]:
    """Return what each value of each axis does, in the order of the axes."""
    found = []
    at = grid.at()
    for number, axis in enumerate(grid.axes):
        if axis.kind == "seed":
            continue
        for index, label in enumerate(axis.labels):
            if index != axis.baseline_index:
                pairs = [
                    (figures[cell.key], figures[other.key])
                    for cell in grid.cells
                    if cell.index[number] == index
                    and (other := baseline_cell(cell, number, axis.baseline_index, at)) is not None
                    and f"rmse {axis.name}" in figures.get(cell.key, {})
                    and other.key in figures
                ]
                if pairs:
                    found.append(_effect(axis.name, label, pairs))
    return found


def _effect(axis: str, label: str, pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]]) -> Effect:
    mine = [pair[0] for pair in pairs]
    names = [name for name in pairs[0][0] if name in pairs[0][1] and not name.startswith(AGAINST)]
    changes = {name: float(np.mean([one[name] - other[name] for one, other in pairs])) for name in names}
    mean = {name: float(np.mean([one[f"{name} {axis}"] for one in mine])) for name in AGAINST}
    return Effect(axis, label, len(pairs), mean["rmse"], mean["ssim"], changes)
