"""Text segments with weights, as a front end passes them to the model.

Works on the raw text and owes nothing to the tree, since front ends do not either. Both readers are linear in the
length of the text and use no recursion. Source: measured behavior of ComfyUI 0.29.0 and of A1111's algorithm.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import groupby
from typing import NamedTuple

from anima_prompt.dialects import Dialect

BARE_WEIGHT = 1.1
"""The factor of one pair of bare parentheses, in every front end that reads them."""


class Segment(NamedTuple):
    """A piece of literal text (markup and escapes gone) and the weight of its tokens."""

    text: str
    weight: float


def weighted_segments(text: str, dialect: str | Dialect = Dialect.COMFYUI) -> list[Segment]:
    r"""Return the segments that ``dialect`` hands to the tokenizers.

    ComfyUI: an explicit weight replaces what nesting has built up, bare parentheses multiply by 1.1, malformed weights
    stay in the text, unbalanced input is literal. A1111: nested weights multiply, ``[x]`` divides by 1.1, an unclosed
    parenthesis reaches to the end; schedules (``[a:b:0.5]``) are resolved by that engine before this step and are read
    here as plain ``[x]``. InvokeAI (with its pull request 9506) is read by ComfyUI's rules. Plain: one literal segment.

    Raises:
        DialectError: unknown dialect.

    >>> weighted_segments("((a:1.5) b)")
    [Segment(text='a', weight=1.5), Segment(text=' b', weight=1.1)]
    >>> weighted_segments("((a:1.5) b)", "a1111")
    [Segment(text='a', weight=1.6500000000000001), Segment(text=' b', weight=1.1)]
    >>> weighted_segments(r"len \(tsukihime\)")
    [Segment(text='len (tsukihime)', weight=1.0)]
    """
    reader = Dialect.of(dialect)
    if reader is Dialect.PLAIN:
        return [Segment(text, 1.0)] if text else []
    if reader is Dialect.A1111:
        return _a1111_segments(text)
    return _comfyui_segments(text)


# --- ComfyUI -------------------------------------------------------------------------------------------------------
# The reference splits a text into top-level groups and runs and recurses into every group. Scanning each level anew
# costs (length x depth), so the parentheses are matched once, and each of them is then visited by a single level.


def _comfyui_segments(text: str) -> list[Segment]:
    segments: list[Segment] = []
    marks = _Marks.of(text)
    pending = [(0, len(text), 1.0)]
    while pending:
        start, end, weight = pending.pop()
        if start >= end:
            continue
        low, high = _first_group(text, marks, start, end)
        _emit(segments, text[start:low], weight)
        pending.append((high, end, weight))
        if high - low >= 2 and marks.is_live(high - 1) and text[high - 1] == ")":
            pending.append(_inside_group(text, marks, low, high, weight))
        else:
            _emit(segments, text[low:high], weight)
    return segments


class _Marks(NamedTuple):
    """Places of colons and of live parentheses (escaped ones are dead), and the closer of every matched opener."""

    parens: list[int]
    colons: list[int]
    closers: dict[int, int]

    @classmethod
    def of(cls, text: str) -> _Marks:
        parens = [m.start() for m in _LIVE_PAREN.finditer(text) if m.group() in "()"]
        closers: dict[int, int] = {}
        stack: list[int] = []
        for place in parens:
            if text[place] == "(":
                stack.append(place)
            elif stack:
                closers[stack.pop()] = place
        return cls(parens, [m.start() for m in re.finditer(":", text)], closers)

    def is_live(self, place: int) -> bool:
        index = bisect_left(self.parens, place)
        return index < len(self.parens) and self.parens[index] == place


_LIVE_PAREN = re.compile(r"\\[()]|[()]")


def _first_group(text: str, marks: _Marks, start: int, end: int) -> tuple[int, int]:
    """Find the first group that opens at depth 0 of ``text[start:end]``; ``(end, end)`` if none does.

    A stray ``)`` takes the depth below 0, and the next ``(`` only brings it back. A group that is not closed before
    ``end`` reaches to ``end``.
    """
    depth = 0
    for index in range(bisect_left(marks.parens, start), len(marks.parens)):
        place = marks.parens[index]
        if place >= end:
            break
        if text[place] == ")":
            depth -= 1
        elif depth < 0:
            depth += 1
        else:
            return place, min(marks.closers.get(place, end) + 1, end)
    return end, end


def _inside_group(text: str, marks: _Marks, start: int, end: int, weight: float) -> tuple[int, int, float]:
    """Strip the parentheses of a group; return its inner span and its weight."""
    low, high = start + 1, end - 1
    index = bisect_left(marks.colons, high) - 1
    colon = marks.colons[index] if index >= 0 else -1
    if colon > low:
        paren = bisect_right(marks.parens, colon)
        if paren == len(marks.parens) or marks.parens[paren] >= high:
            number = _number(text[colon + 1 : high])
            if number is not None:
                return low, colon, number
    return low, high, weight * BARE_WEIGHT


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _emit(segments: list[Segment], literal: str, weight: float) -> None:
    if literal:
        segments.append(Segment(literal.replace("\\(", "(").replace("\\)", ")"), weight))


# --- A1111 ---------------------------------------------------------------------------------------------------------

_A1111_TOKEN = re.compile(
    r"""
      (?P<escape>\\[()\[\]\\]) | (?P<backslash>\\)
    | (?P<open>[(\[])
    | (?P<weight>:[+-]?[.\d]+\)) | (?P<close>[)\]])
    | (?P<text>[^\\()\[\]:]+|:)
    """,
    re.VERBOSE,
)
_BREAK = re.compile(r"\s*\bBREAK\b\s*")
_OPENER = {")": "(", "]": "["}
_FACTOR = {"(": BARE_WEIGHT, "[": 1 / BARE_WEIGHT}


class _Range(NamedTuple):
    start: int
    end: int
    factor: float


def _a1111_segments(text: str) -> list[Segment]:
    pieces: list[tuple[str, float]] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}
    ranges: dict[str, list[_Range]] = {"(": [], "[": []}
    for match in _A1111_TOKEN.finditer(text):
        token, kind = match.group(), match.lastgroup
        opener = _OPENER.get(token[-1], "") if kind in ("weight", "close") else ""
        number = _number(token[1:-1]) if kind == "weight" else _FACTOR.get(opener)
        if kind == "open":
            opened[token].append(len(pieces))
        elif opener and opened[opener] and number is not None:
            ranges[opener].append(_Range(opened[opener].pop(), len(pieces), number))
        elif kind == "escape":
            pieces.append((token[1], 1.0))
        elif kind != "backslash":
            pieces += _text_pieces(token)
    for opener, places in opened.items():
        ranges[opener] += [_Range(place, len(pieces), _FACTOR[opener]) for place in places]
    round_factors = _factors(ranges["("], len(pieces))
    square_factors = _factors(ranges["["], len(pieces))
    factors = zip(pieces, round_factors, square_factors, strict=True)
    return _merged([Segment(piece, weight * r * s) for (piece, weight), r, s in factors])


def _text_pieces(token: str) -> list[tuple[str, float]]:
    """Split at ``BREAK``, which Forge Neo turns into a pseudo-item of weight -1."""
    pieces: list[tuple[str, float]] = []
    for position, part in enumerate(_BREAK.split(token)):
        if position:
            pieces.append(("BREAK", -1.0))
        pieces.append((part, 1.0))
    return pieces


def _factors(ranges: list[_Range], length: int) -> list[float]:
    """Return for every piece the product of the ranges around it; ranges of one kind nest, so a stack does."""
    ranges = sorted(ranges, key=lambda r: (r.start, -r.end))
    products: list[float] = []
    stack: list[tuple[int, float]] = [(length, 1.0)]
    following = 0
    for index in range(length):
        while stack[-1][0] <= index:
            stack.pop()
        while following < len(ranges) and ranges[following].start <= index:
            entry = ranges[following]
            following += 1
            if entry.end > index:
                stack.append((entry.end, stack[-1][1] * entry.factor))
        products.append(stack[-1][1])
    return products


def _merged(pieces: list[Segment]) -> list[Segment]:
    """Join neighbors of equal weight. An empty text is a single empty segment, as in ComfyUI."""
    runs = [
        Segment("".join(piece.text for piece in run), weight)
        for weight, run in groupby(pieces, key=lambda piece: piece.weight)
    ]
    return runs or [Segment("", 1.0)]
