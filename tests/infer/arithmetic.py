"""Numbers that look random and are pure arithmetic, so that no version of any library changes them."""

from __future__ import annotations

import math
import zlib

import numpy as np
import torch
from torch import Tensor


def numbers(name: str, shape: tuple[int, ...]) -> Tensor:
    """Return float32 numbers with mean 0 and deviation 1, uniform, that depend on name and place alone.

    Source: Steele et al. 2014, SplitMix64 (the mixing function).
    """
    place = np.arange(math.prod(shape), dtype=np.uint64) + (np.uint64(zlib.crc32(name.encode())) << np.uint64(32))
    mixed = place * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    unit = (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53  # 0 to 1
    return torch.from_numpy(((2 * unit - 1) * math.sqrt(3)).astype(np.float32)).reshape(shape)
