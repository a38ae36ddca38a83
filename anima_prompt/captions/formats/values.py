r"""How values are written: plain text, JSON strings, CSV fields. A codec changes the characters that differ.

A codec takes the value as it stands in the file (``raw``), the value that it means, the new value, the file's line end
and the whole file, and returns the span of ``raw`` to replace and the replacement.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import accumulate
from typing import TypeAlias

FileChange: TypeAlias = tuple[int, int, str]
Codec: TypeAlias = Callable[[str, str, str, str, str], FileChange]

_ESCAPED = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL)
_LINE_END = re.compile(r"\r\n|\r|\n")


def plain_text(raw: str) -> str:
    r"""Return a text with line feeds for line ends, without those at its end.

    >>> plain_text("1girl\r\nsmile\r\n")
    '1girl\nsmile'
    """
    return _LINE_END.sub("\n", raw).rstrip("\n") if "\r" in raw else raw.rstrip("\n")


def text_codec(raw: str, old: str, new: str, line_end: str, whole: str) -> FileChange:
    r"""Replace what differs in a plain text; a line keeps its end, new lines get that of the file.

    >>> text_codec("a\r\nb\rc", "a\nb\nc", "a\nx\nc\nd", "\r\n", "")
    (0, 6, 'a\r\nx\rc\r\nd')
    """
    del whole
    if "\r" in raw:
        return 0, len(raw), _with_ends(raw, old, new, line_end)
    start, low, high = _span(raw, old, new, lambda: list(raw))
    return low, high, new[start : len(new) - _tail(old, new, start)]


def _with_ends(raw: str, old: str, new: str, line_end: str) -> str:
    """Return a text with the line ends of the lines that it shares with the old one."""
    ends = _LINE_END.findall(raw)
    before, after = old.split("\n"), new.split("\n")
    kept: dict[int, str] = {}
    for _, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        kept |= {j: ends[i] for i, j in zip(range(i1, i2), range(j1, j2), strict=False) if i < len(ends)}
    last = len(after) - 1
    return "".join(f"{line}{kept.get(j, line_end) if j < last else ''}" for j, line in enumerate(after))


def json_codec(raw: str, old: str, new: str, line_end: str, whole: str) -> FileChange:
    r"""Replace what differs in a JSON string; escapes of the rest stay as they are.

    >>> json_codec('"caf\\u00e9 \\/ a"', "café / a", "café / ö", "\n", '{"caf\\u00e9 \\/ a"}')
    (14, 15, '\\u00f6')
    """
    del line_end
    start, low, high = _span(raw[1:-1], old, new, lambda: _ESCAPED.findall(raw[1:-1]))
    middle = new[start : len(new) - _tail(old, new, start)]
    escapes = "\\u" in whole and whole.isascii()
    text = json.dumps(middle, ensure_ascii=escapes or any("\ud800" <= char <= "\udfff" for char in middle))
    return low + 1, high + 1, text[1:-1]


def csv_codec(raw: str, old: str, new: str, line_end: str, whole: str) -> FileChange:
    """Replace a CSV field; it gets quotation marks if it had them or needs them."""
    del old, whole
    is_quoted = raw.startswith('"')
    if is_quoted or any(sign in new for sign in '",;\t\n\r') or new != new.strip():
        text = new.replace("\n", line_end).replace('"', '""')
        return 0, len(raw), f'"{text}"'
    return 0, len(raw), new


def _span(raw: str, old: str, new: str, units: Callable[[], list[str]]) -> tuple[int, int, int]:
    """Return how many characters both values share at the start, and the span of ``raw`` that differs."""
    start = _shared(old, new)
    tail = _tail(old, new, start)
    if len(raw) == len(old):
        return start, start, len(old) - tail
    pieces = units()
    places = [0, *accumulate(map(len, pieces))]
    return start, places[start], places[len(old) - tail]


def _tail(old: str, new: str, start: int) -> int:
    """Return how many characters both values share at the end, after the first ``start``."""
    most = min(len(old), len(new)) - start
    return _shared(old[::-1][:most], new[::-1][:most]) if most > 0 else 0


def _shared(first: str, second: str) -> int:
    """Return how many characters two texts share at the start."""
    for place, (a, b) in enumerate(zip(first, second, strict=False)):
        if a != b:
            return place
    return min(len(first), len(second))
