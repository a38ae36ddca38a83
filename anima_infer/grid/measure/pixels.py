"""Measures of pixels: brightness, contrast, saturation, sharpness; distances of two images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image


Pixels = np.ndarray[Any, np.dtype[np.floating[Any]]]


_LUMA = np.array((0.2126, 0.7152, 0.0722), dtype=np.float32)
"""ITU-R BT.709."""


def pixels_of(image: Image) -> Pixels:
    """Return an image as (H, W, 3), 0 to 1."""
    return np.asarray(image.convert("RGB"), dtype=np.float32) / np.float32(255)


def luma(pixels: Pixels) -> Pixels:
    """Return the luma of pixels, (H, W)."""
    return np.asarray(pixels @ _LUMA, dtype=np.float32)


def measure_image(pixels: Pixels) -> dict[str, float]:
    """Return brightness, contrast, saturation and sharpness."""
    y = luma(pixels)
    highest, lowest = pixels.max(-1), pixels.min(-1)
    laplacian = 4 * y[1:-1, 1:-1] - y[:-2, 1:-1] - y[2:, 1:-1] - y[1:-1, :-2] - y[1:-1, 2:]
    return {
        "brightness": float(y.mean()),
        "contrast": float(y.std()),
        "saturation": float(np.where(highest > 0, (highest - lowest) / np.maximum(highest, 1e-6), 0).mean()),
        "sharpness": float(np.abs(laplacian).mean()),
    }


def measure_difference(pixels: Pixels, baseline: Pixels) -> dict[str, float]:
    """Return RMSE (in levels of 255) and SSIM of two images of the same size."""
    rmse = float(np.sqrt(np.square(pixels - baseline).mean()) * 255)
    return {"rmse": rmse, "ssim": ssim(luma(pixels), luma(baseline))}


def ssim(first: Pixels, second: Pixels) -> float:
    """Return the structural similarity of two lumas in 0 to 1; 1 for equal images.

    Gaussian window of 11 pixels, sigma 1.5, K1 0.01, K2 0.03. Source: Wang et al. 2004.
    """
    c1, c2 = 0.01**2, 0.03**2
    mean1, mean2 = _blurred(first), _blurred(second)
    var1, var2 = _blurred(first * first) - mean1**2, _blurred(second * second) - mean2**2
    covariance = _blurred(first * second) - mean1 * mean2
    numerator = (2 * mean1 * mean2 + c1) * (2 * covariance + c2)
    return float((numerator / ((mean1**2 + mean2**2 + c1) * (var1 + var2 + c2))).mean())


def _blurred(values: Pixels) -> Pixels:
    """Return values filtered by a Gaussian window, only where the whole window fits."""
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
