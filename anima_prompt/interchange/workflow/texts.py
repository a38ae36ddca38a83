r"""Prompt texts as ComfyUI reads them: the segments of any dialect, in ComfyUI's markup.

The segments decide where the tokenizers cut, so that they come out one for one, with weights of the same float32.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence

from anima_prompt.dialects import Dialect
from anima_prompt.names import escape
from anima_prompt.syntax import weighted_segments
from anima_prompt.syntax.weights import Segment

_EXPANDED = re.compile(r"(?<!\\)\{[^{}]*\}|//|/\*")


def to_comfyui(text: str, dialect: Dialect) -> str | None:
    r"""Return a text whose segments in ComfyUI are those of ``text`` in ``dialect``; None if there is no such text.

    >>> to_comfyui("((smile:1.2)), [hat] (sousou)", Dialect.A1111)
    '(smile:1.32), (hat:0.909090909) (sousou:1.1)'
    >>> to_comfyui("fern (sousou no frieren)", Dialect.PLAIN)
    'fern \\(sousou no frieren\\)'
    """
    if dialect is Dialect.COMFYUI:
        return text
    segments = weighted_segments(text, dialect)
    if weighted_segments(text, Dialect.COMFYUI) == segments:
        return text
    written = ""
    plain_before = False
    for index, segment in enumerate(segments):
        inner = escape(segment.text, Dialect.COMFYUI)
        last = index == len(segments) - 1
        if segment.weight == 1 and not plain_before and (last or not inner.endswith("\\")):
            written, plain_before = written + inner, True
        else:
            written, plain_before = f"{written}({inner}:{_number(segment.weight)})", False
    again = weighted_segments(written, Dialect.COMFYUI)
    return written if _in_float32(again) == _in_float32(segments) else None


def _number(weight: float) -> str:
    short = f"{weight:.6g}"
    return short if _float32(float(short)) == _float32(weight) else f"{weight:.9g}"


def _in_float32(segments: Sequence[Segment]) -> list[tuple[str, bytes]]:
    return [(segment.text, _float32(segment.weight)) for segment in segments]


def _float32(weight: float) -> bytes:
    """Return the weight as the model reads it."""
    try:
        return struct.pack("f", weight)
    except OverflowError:
        return struct.pack("f", math.inf)


def is_expanded(text: str) -> bool:
    """Return whether ComfyUI's editor changes a text before it queues it: ``{a|b}`` and comments."""
    return _EXPANDED.search(text) is not None
