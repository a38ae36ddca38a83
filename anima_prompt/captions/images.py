"""Images that look alike, by difference hash (dHash), and their mean colors.

dHash: a gray thumbnail of 9x8 pixels; each bit says whether a pixel is darker than its right neighbor, by a margin.
Robust against size, format and compression; not against crops and mirroring.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence

from anima_prompt.lint_files.cache import TextCache

MOST_DISTANCE = 4
"""Bits that may differ between images that look alike. Frames of one pose differ by more, other sizes by fewer."""
_MARGIN = 3
"""Gray levels below which two pixels count as equal: compression changes them in flat areas."""
_BANDS = MOST_DISTANCE + 1
_BITS = 64
_MOST_COLOR = 24
_MOST_IN_BAND = 200
_FEW = 32


class ImageLook:
    """The hash and the mean color of one image."""

    __slots__ = ("color", "hash")

    def __init__(self, bits: int, color: tuple[int, int, int]) -> None:
        self.hash = bits
        self.color = color

    def distance(self, other: ImageLook) -> int | None:
        """Return how many bits differ; None if the colors are of different images."""
        if any(abs(a - b) > _MOST_COLOR for a, b in zip(self.color, other.color, strict=True)):
            return None
        return (self.hash ^ other.hash).bit_count()


def look_of(path: str) -> ImageLook | None:
    """Return the look of an image; None if it cannot be decoded."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                image.draft("RGB", (64, 64))
                small = image.convert("RGB").resize((9, 8), Image.Resampling.BOX)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return None
    gray = small.convert("L").tobytes()
    bits = 0
    for row in range(8):
        for column in range(8):
            place = row * 9 + column
            bits = bits << 1 | (gray[place] + _MARGIN < gray[place + 1])
    red, green, blue = small.resize((1, 1), Image.Resampling.BOX).tobytes()
    return ImageLook(bits, (red, green, blue))


def looks_of(paths: Sequence[str], cache: TextCache | None, *, jobs: int = 1) -> dict[str, ImageLook]:
    """Return the looks of images; what is known by name, size and time of change is not decoded again."""
    keys = {path: key for path in paths if (key := _key(path)) is not None}
    known = cache.get_texts(list(keys.values())) if cache is not None else {}
    found = {path: _look(known[key]) for path, key in keys.items() if key in known}
    missing = [path for path in keys if path not in found]
    fresh = _decoded(missing, jobs)
    if cache is not None:
        cache.put_texts({keys[path]: _text(look) for path, look in fresh.items()})
    found.update(fresh)
    return {path: look for path in paths if (look := found.get(path)) is not None}


def near_pairs(looks: dict[str, ImageLook]) -> Iterator[tuple[str, str, int]]:
    """Yield images that look like an earlier one, with that one and the distance; each image once.

    Two hashes that differ in four bits share one of five bands, so that only those are compared.
    """
    bands: dict[tuple[int, int], list[str]] = {}
    width = _BITS // _BANDS + 1
    for path, look in looks.items():
        keys = [(band, look.hash >> band * width & (1 << width) - 1) for band in range(_BANDS)]
        best: tuple[int, str] | None = None
        for other in dict.fromkeys(name for key in keys for name in bands.get(key, ())):
            distance = looks[other].distance(look)
            if distance is not None and distance <= MOST_DISTANCE and (best is None or distance < best[0]):
                best = (distance, other)
        if best is not None:
            yield path, best[1], best[0]
        for key in keys:
            known = bands.setdefault(key, [])
            if len(known) < _MOST_IN_BAND:
                known.append(path)


def _decoded(paths: Sequence[str], jobs: int) -> dict[str, ImageLook | None]:
    if len(paths) < _FEW or jobs < 2:
        return {path: look_of(path) for path in paths}
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(jobs) as pool:
        return dict(zip(paths, pool.map(look_of, paths, chunksize=16), strict=True))


def _key(path: str) -> bytes | None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return repr(("dhash-1", os.path.abspath(path), status.st_size, status.st_mtime_ns)).encode("utf-8", "surrogatepass")  # noqa: PTH100


def _text(look: ImageLook | None) -> str:
    return "" if look is None else f"{look.hash} {' '.join(map(str, look.color))}"


def _look(text: str) -> ImageLook | None:
    if not text:
        return None
    bits, red, green, blue = map(int, text.split())
    return ImageLook(bits, (red, green, blue))


def exposures(images: Iterable[str]) -> dict[str, int]:
    """Return the repeats of folders that sd-scripts reads them from: ``10_name`` is seen ten times an epoch."""
    found: dict[str, int] = {}
    for folder in dict.fromkeys(os.path.dirname(image) for image in images):  # noqa: PTH120
        number, _, name = os.path.basename(folder).partition("_")  # noqa: PTH119
        found[folder] = int(number) if number.isdecimal() and name and len(number) < 6 else 1
    return found
