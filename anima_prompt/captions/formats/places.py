"""Lines of places in a text."""

from __future__ import annotations

import re
from bisect import bisect_left

_LINE_END = re.compile(r"\r\n|\r|\n")


class LineOf:
    r"""Finds the line of a place in a text.

    >>> line_of = LineOf("a\r\nb\n")
    >>> line_of(0), line_of(3)
    (1, 2)
    """

    def __init__(self, text: str) -> None:
        """Find the line ends once."""
        self._ends = [match.end() - 1 for match in _LINE_END.finditer(text)]

    def __call__(self, place: int) -> int:
        """Return the number of the line, from 1."""
        return bisect_left(self._ends, place) + 1
