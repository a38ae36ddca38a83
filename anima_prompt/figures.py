"""Figures: sizes and numbers as people write them in options, files and picture metadata, and counts in messages."""

from __future__ import annotations

import math
import re

SIZE = "width and height such as 1024x1024"
"""What ``size_of`` reads, for messages."""
_SIZE = re.compile(r"\s*([0-9]{1,6})\s*[xX×]\s*([0-9]{1,6})\s*")

_COUNT = re.compile(r"[0-9]{1,15}")


def size_of(text: str) -> tuple[int, int] | None:
    """Return width and height, or None if the text is no size.

    >>> size_of("832x1216"), size_of("64 × 96"), size_of("large")
    ((832, 1216), (64, 96), None)
    """
    found = _SIZE.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def number_of(text: str) -> float | None:
    """Return a finite number, or None if the text is none.

    >>> number_of("0.8"), number_of("nan"), number_of("much")
    (0.8, None, None)
    """
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def count_of(text: str) -> int | None:
    """Return a count of posts, or None if the text is none: up to fifteen digits, which every store can hold.

    >>> count_of("6945303"), count_of("-1"), count_of("9" * 40)
    (6945303, None, None)
    """
    return int(text) if _COUNT.fullmatch(text) else None


def many(count: int, what: str, ending: str = "s") -> str:
    """Return a count and its word.

    >>> many(1, "file"), many(2, "file"), many(1200, "batch", "es")
    ('1 file', '2 files', '1,200 batches')
    """
    return f"{count:,} {what}{'' if count == 1 else ending}"
