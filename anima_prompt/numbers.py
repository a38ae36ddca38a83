"""Parse sizes, numbers and counts from options, files and image metadata; format counts for messages."""

from __future__ import annotations

import math
import re

SIZE = "width and height such as 1024x1024"
"""The form that ``parse_size`` accepts, for messages."""
_SIZE = re.compile(r"\s*([0-9]{1,6})\s*[xX×]\s*([0-9]{1,6})\s*")

_COUNT = re.compile(r"[0-9]{1,15}")


def parse_size(text: str) -> tuple[int, int] | None:
    """Parse a width and a height; None if ``text`` is not a size.

    >>> parse_size("832x1216"), parse_size("64 × 96"), parse_size("large")
    ((832, 1216), (64, 96), None)
    """
    match = _SIZE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def parse_number(text: str) -> float | None:
    """Parse a finite number; None if ``text`` is not one.

    >>> parse_number("0.8"), parse_number("nan"), parse_number("much")
    (0.8, None, None)
    """
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def parse_count(text: str) -> int | None:
    """Parse a post count of at most 15 digits, which fits every store; None if ``text`` is not one.

    >>> parse_count("6945303"), parse_count("-1"), parse_count("9" * 40)
    (6945303, None, None)
    """
    return int(text) if _COUNT.fullmatch(text) else None


def counted(count: int, noun: str, ending: str = "s") -> str:
    """Format a count with its noun, pluralized.

    >>> counted(1, "file"), counted(2, "file"), counted(1200, "batch", "es")
    ('1 file', '2 files', '1,200 batches')
    """
    return f"{count:,} {noun}{'' if count == 1 else ending}"
