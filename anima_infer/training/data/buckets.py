"""The sizes that images are trained at: sides are multiples of a step, areas near a wanted one."""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

from PIL import Image


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    @property
    def tokens(self) -> int:
        """Tokens of the DiT: patches of 16 x 16 pixels."""
        return (self.width // 16) * (self.height // 16)


def size_for(size: Size, *, resolution: int, step: int, longest: float, upscale: bool) -> Size:
    """Return the size that an image is trained at.

    Args:
        size: of the image.
        resolution: side of a square with the wanted area.
        step: sides are multiples of it.
        longest: most that one side may be of the other.
        upscale: whether images of a smaller area are enlarged; otherwise they keep their size, rounded down.

    >>> size_for(Size(3000, 2000), resolution=1024, step=64, longest=4, upscale=False)
    Size(width=1216, height=832)
    """
    area = resolution**2
    if size.width * size.height <= area and not upscale:
        own = Size(size.width // step * step, size.height // step * step)
        if min(own) > 0 and max(own) / min(own) <= longest:
            return own
    ratio = math.log(size.width / size.height)
    return min(
        _sizes(area, step, longest), key=lambda s: (abs(math.log(s.width / s.height) - ratio), -s.width * s.height)
    )


@cache
def _sizes(area: int, step: int, longest: float) -> tuple[Size, ...]:
    """Return the largest size of each width that fits into an area, and of each height."""
    sizes = set()
    for side in range(step, int(math.sqrt(area * longest)) + 1, step):
        other = area // side // step * step
        if other and max(side, other) / min(side, other) <= longest:
            sizes |= {Size(side, other), Size(other, side)}
    return tuple(sorted(sizes))


def fitted(image: Image.Image, size: Size) -> Image.Image:
    """Return an image scaled to cover a size, and cropped round its center."""
    scale = max(size.width / image.width, size.height / image.height)
    scaled = Size(max(size.width, round(image.width * scale)), max(size.height, round(image.height * scale)))
    left, top = (scaled.width - size.width) // 2, (scaled.height - size.height) // 2
    resized = image if image.size == scaled else image.resize(scaled, Image.Resampling.LANCZOS)
    return resized.crop((left, top, left + size.width, top + size.height))
