"""Measures of every image of a grid, and the mean effect of every value against the baseline.

Distances show whether a change does anything, not whether it is better. Taggers and other scorers plug in through
``Scorer``.
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

DISTANCES = ("rmse", "ssim")


DESCRIPTIONS = {
    "brightness": "mean luma, 0 to 1",
    "contrast": "standard deviation of the luma, 0 to 0.5",
    "saturation": "mean of (max - min) / max over the pixels, 0 to 1",
    "sharpness": "mean absolute Laplacian of the luma; larger is sharper",
    "rmse": "root mean square difference from the baseline, in levels of 255",
    "ssim": "structural similarity with the baseline; 1 is the same image",
}


class Scorer(Protocol):
    """Scores images: a tagger, an aesthetic model, any classifier."""

    def score(self, images: Sequence[Image], prompts: Sequence[str]) -> list[dict[str, float]]:
        """Return named numbers for each image, with the same names for all."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Mean effect of an axis value versus the baseline, over pairs that agree in every other axis and in the seed.

    Attributes:
        axis, label: the value.
        pairs: number of pairs of images.
        rmse, ssim: mean distances from the baseline.
        changes: mean differences of all other measures, by name.
    """

    axis: str
    label: str
    pairs: int
    rmse: float
    ssim: float
    changes: Mapping[str, float]


def measure_grid(grid: Grid, scorers: Mapping[str, Scorer] | None = None) -> dict[str, dict[str, float]]:
    """Return the measures of every finished image by key; distances are named ``rmse AXIS`` and ``ssim AXIS``.

    Args:
        grid: with finished images.
        scorers: more measures; those of a scorer are named ``NAME measure``.
    """
    read = functools.lru_cache(maxsize=64)(_read)
    cells = {cell.key: cell for cell in grid.cells if cell.done and grid.image_path(cell).is_file()}
    measures = {key: measure_image(read(grid.image_path(cell))) for key, cell in cells.items()}
    cells_by_index = grid.cells_by_index()
    for number, axis in enumerate(grid.axes):
        if axis.kind == "seed":
            continue
        for cell in grid.cells:
            baseline = baseline_cell(cell, number, axis.baseline_index, cells_by_index)
            if baseline is None or baseline is cell or cell.key not in measures or baseline.key not in measures:
                continue
            pixels, baseline_pixels = read(grid.image_path(cell)), read(grid.image_path(baseline))
            if pixels.shape == baseline_pixels.shape:
                distances = measure_difference(pixels, baseline_pixels)
                measures[cell.key] |= {f"{name} {axis.name}": value for name, value in distances.items()}
    for name, scorer in (scorers or {}).items():
        images = [open_image(grid.image_path(cell)) for cell in cells.values()]
        scores = scorer.score(images, [cell.job["prompt"] for cell in cells.values()])
        for key, score in zip(cells, scores, strict=True):
            measures[key] |= {f"{name} {measure}".strip(): value for measure, value in score.items()}
    return {key: {name: round(value, 5) for name, value in own.items()} for key, own in measures.items()}


def baseline_cell(
    cell: StoredCell, axis: int, index: int, cells_by_index: Mapping[tuple[int, ...], StoredCell]
) -> StoredCell | None:
    """Return the cell with the baseline, ``index``, on an axis that otherwise agrees with ``cell``; None if missing."""
    return cells_by_index.get((*cell.index[:axis], index, *cell.index[axis + 1 :]))


def _read(path: Path) -> Pixels:
    return pixels_of(open_image(path))


def compute_effects(grid: Grid, measures: Mapping[str, Mapping[str, float]]) -> list[Effect]:
    """Return the effect of each value of each axis, in the order of the axes."""
    effects = []
    cells_by_index = grid.cells_by_index()
    for number, axis in enumerate(grid.axes):
        if axis.kind == "seed":
            continue
        for index, label in enumerate(axis.labels):
            if index != axis.baseline_index:
                pairs = [
                    (measures[cell.key], measures[baseline.key])
                    for cell in grid.cells
                    if cell.index[number] == index
                    and (baseline := baseline_cell(cell, number, axis.baseline_index, cells_by_index)) is not None
                    and f"rmse {axis.name}" in measures.get(cell.key, {})
                    and baseline.key in measures
                ]
                if pairs:
                    effects.append(_effect(axis.name, label, pairs))
    return effects


def _effect(axis: str, label: str, pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]]) -> Effect:
    names = [name for name in pairs[0][0] if name in pairs[0][1] and not name.startswith(DISTANCES)]
    changes = {name: float(np.mean([changed[name] - baseline[name] for changed, baseline in pairs])) for name in names}
    mean = {name: float(np.mean([changed[f"{name} {axis}"] for changed, _ in pairs])) for name in DISTANCES}
    return Effect(axis, label, len(pairs), mean["rmse"], mean["ssim"], changes)
