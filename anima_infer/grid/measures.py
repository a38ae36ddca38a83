"""What can be measured of a picture alone, and of a picture against its baseline. Needs no tensors.

Distances say whether a change does anything; they say nothing of better or worse. Taggers and scorers plug in by one
small interface.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from anima_infer.grid.folder import Grid, ShownCell
from anima_infer.pictures import open_picture

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = np.ndarray[Any, np.dtype[np.floating[Any]]]

AGAINST = ("rmse", "ssim")
ABOUT = {
    "brightness": "mean luma, 0 to 1",
    "contrast": "standard deviation of the luma, 0 to 0.5",
    "saturation": "mean of (max - min) / max over the pixels, 0 to 1",
    "sharpness": "mean absolute Laplacian of the luma; larger is sharper",
    "rmse": "root mean square difference from the baseline, in levels of 255",
    "ssim": "structural similarity with the baseline; 1 is the same picture",
}
_LUMA = np.array((0.2126, 0.7152, 0.0722), dtype=np.float32)
"""ITU-R BT.709."""


class Scorer(Protocol):
    """Scores pictures: a tagger, an aesthetic model, a classifier of one's own."""

    def score(self, pictures: Sequence[Image], prompts: Sequence[str]) -> list[dict[str, float]]:
        """Return named figures for each picture; the same names for all."""


def pixels_of(picture: Image) -> Pixels:
    """Return a picture as H x W x 3, 0 to 1."""
    return np.asarray(picture.convert("RGB"), dtype=np.float32) / np.float32(255)


def luma(pixels: Pixels) -> Pixels:
    """Return the luma of pixels, H x W."""
    return np.asarray(pixels @ _LUMA, dtype=np.float32)


def measure_alone(pixels: Pixels) -> dict[str, float]:
    """Return brightness, contrast, saturation and sharpness."""
    y = luma(pixels)
    most, least = pixels.max(-1), pixels.min(-1)
    laplacian = 4 * y[1:-1, 1:-1] - y[:-2, 1:-1] - y[2:, 1:-1] - y[1:-1, :-2] - y[1:-1, 2:]
    return {
        "brightness": float(y.mean()),
        "contrast": float(y.std()),
        "saturation": float(np.where(most > 0, (most - least) / np.maximum(most, 1e-6), 0).mean()),
        "sharpness": float(np.abs(laplacian).mean()),
    }


def measure_against(pixels: Pixels, baseline: Pixels) -> dict[str, float]:
    """Return the distances of two pictures of one size."""
    rmse = float(np.sqrt(np.square(pixels - baseline).mean()) * 255)
    return {"rmse": rmse, "ssim": ssim(luma(pixels), luma(baseline))}


def ssim(one: Pixels, other: Pixels) -> float:
    """Return the structural similarity of two lumas from 0 to 1.

    Gaussian window of 11 pixels, sigma 1.5, K1 0.01, K2 0.03. Source: Wang et al. 2004.
    """
    c1, c2 = 0.01**2, 0.03**2
    mean1, mean2 = _blurred(one), _blurred(other)
    var1, var2 = _blurred(one * one) - mean1**2, _blurred(other * other) - mean2**2
    both = _blurred(one * other) - mean1 * mean2
    top = (2 * mean1 * mean2 + c1) * (2 * both + c2)
    return float((top / ((mean1**2 + mean2**2 + c1) * (var1 + var2 + c2))).mean())


def _blurred(values: Pixels) -> Pixels:
    """Return values under a Gaussian window; only where the whole window fits."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = window / window.sum()
    size = min(len(window), *values.shape)
    window = window[(len(window) - size) // 2 :][:size]
    for axis in (0, 1):
        length = values.shape[axis] - size + 1
        parts = (np.take(values, range(i, i + length), axis=axis) * weight for i, weight in enumerate(window))
        values = np.sum(list(parts), axis=0, dtype=np.float64)
    return values


@dataclass(frozen=True, slots=True)
class Effect:
    """What a value of an axis does on average, against the baseline with everything else, the seed too, the same.

    ``pairs`` is how many pairs of pictures were compared.
    """

    axis: str
    label: str
    pairs: int
    rmse: float
    ssim: float
    changes: Mapping[str, float]


def measure_grid(grid: Grid, scorers: Mapping[str, Scorer] | None = None) -> dict[str, dict[str, float]]:
    """Return the figures of every finished picture by key; distances are named ``rmse AXIS`` and ``ssim AXIS``.

    Args:
        grid: with finished pictures.
        scorers: more figures, by name; theirs are called ``NAME figure``.
    """
    read = functools.lru_cache(maxsize=64)(_read)
    cells = {cell.key: cell for cell in grid.cells if cell.done and grid.picture(cell).is_file()}
    figures = {key: measure_alone(read(grid.picture(cell))) for key, cell in cells.items()}
    at = grid.at()
    for number, axis in enumerate(grid.axes):
        if axis.kind == "seed":
            continue
        for cell in grid.cells:
            other = baseline_of(cell, number, axis.baseline_index, at)
            if other is None or other is cell or cell.key not in figures or other.key not in figures:
                continue
            mine, theirs = read(grid.picture(cell)), read(grid.picture(other))
            if mine.shape == theirs.shape:
                found = measure_against(mine, theirs)
                figures[cell.key] |= {f"{name} {axis.name}": value for name, value in found.items()}
    for name, scorer in (scorers or {}).items():
        opened = [open_picture(grid.picture(cell)) for cell in cells.values()]
        scores = scorer.score(opened, [cell.job["prompt"] for cell in cells.values()])
        for key, score in zip(cells, scores, strict=True):
            figures[key] |= {f"{name} {figure}".strip(): value for figure, value in score.items()}
    return {key: {name: round(value, 5) for name, value in found.items()} for key, found in figures.items()}


def baseline_of(cell: ShownCell, axis: int, index: int, at: Mapping[tuple[int, ...], ShownCell]) -> ShownCell | None:
    """Return the cell that differs from another only in having the baseline on an axis."""
    return at.get((*cell.index[:axis], index, *cell.index[axis + 1 :]))


def _read(path: Path) -> Pixels:
    return pixels_of(open_picture(path))


def effects_of(grid: Grid, figures: Mapping[str, Mapping[str, float]]) -> list[Effect]:
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
                    and (other := baseline_of(cell, number, axis.baseline_index, at)) is not None
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
