"""sd-scripts' cached text encodings (``*_anima_te.npz``): is the caption still the one that was encoded?

The file has the T5 token ids (``t5_input_ids``, ``t5_attn_mask``) and no hash of the caption, so that the trainer keeps
it when a caption changes. With the tokenizer the ids are compared; without it, times of change.
"""

from __future__ import annotations

import ast
import os
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from anima_prompt.captions.sets import Caption

if TYPE_CHECKING:
    from anima_prompt.tokens import Tokenizers

_IDS, _MASK = "t5_input_ids", "t5_attn_mask"
_TYPES = {"<i4": "i", "<i8": "q", "|b1": "?", "|i1": "b", "|u1": "B", "<i2": "h", "<f4": "f"}
_MOST_BYTES = 4_000_000
MOST_IDS = 512
"""Ids that sd-scripts keeps of a caption."""
_END = 1


def stale(
    caches: dict[str, str], captions: Iterable[Caption], tokenizers: Tokenizers | None
) -> Iterator[tuple[str, str]]:
    """Yield cache files whose caption is another one, with the reason."""
    by_stem: dict[str, list[Caption]] = {}
    for caption in captions:
        if caption.image is not None:
            by_stem.setdefault(os.path.splitext(caption.image)[0], []).append(caption)  # noqa: PTH122
    for stem, path in caches.items():
        own = by_stem.get(stem)
        if not own:
            continue
        reason = _older(path, own) if tokenizers is None else _differs(path, own, tokenizers)
        if reason:
            yield path, reason


def _older(path: str, captions: Sequence[Caption]) -> str:
    try:
        times = [os.stat(caption.source).st_mtime_ns for caption in captions]  # noqa: PTH116
        cached = os.stat(path).st_mtime_ns  # noqa: PTH116
    except OSError:
        return ""
    return "the caption was changed after its text was cached" if cached < max(times) else ""


def _differs(path: str, captions: Sequence[Caption], tokenizers: Tokenizers) -> str:
    ids = cached_ids(path)
    if ids is None:
        return ""
    for caption in captions:
        for text in (caption.text, caption.text.split("\n", 1)[0]):
            own = tokenizers.encode([(text, 1.0)]).t5
            if ids == (own if len(own) <= MOST_IDS else (*own[: MOST_IDS - 1], _END)) or ids == own[: len(ids)]:
                return ""
    return "the cached text encoding is of another caption"


def cached_ids(path: str) -> tuple[int, ...] | None:
    """Return the T5 ids of a cache file, padding left out; None if the file has another form."""
    try:
        with zipfile.ZipFile(path) as archive:
            ids = _numbers(archive.read(f"{_IDS}.npy")) if _small(archive, _IDS) else None
            mask = _numbers(archive.read(f"{_MASK}.npy")) if _small(archive, _MASK) else None
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, struct.error, SyntaxError, RuntimeError):
        return None
    if ids is None:
        return None
    if mask is not None and len(mask) == len(ids):
        return tuple(number for number, used in zip(ids, mask, strict=True) if used)
    while len(ids) > 1 and ids[-1] == 0:
        ids = ids[:-1]
    return ids


def _small(archive: zipfile.ZipFile, name: str) -> bool:
    return archive.getinfo(f"{name}.npy").file_size <= _MOST_BYTES


def _numbers(data: bytes) -> tuple[int, ...]:
    """Return the whole numbers of an array in NumPy's file format, versions 1 and 2."""
    if not data.startswith(b"\x93NUMPY"):
        raise ValueError("is not an array")
    size, start = (
        (struct.unpack_from("<H", data, 8)[0], 10) if data[6] == 1 else (struct.unpack_from("<I", data, 8)[0], 12)
    )
    header = ast.literal_eval(re.sub(r"\s+$", "", data[start : start + size].decode("latin-1")))
    kind = _TYPES[str(header["descr"])]
    body = data[start + size :]
    count = len(body) // struct.calcsize(f"<{kind}")
    return tuple(int(number) for number in struct.unpack_from(f"<{count}{kind}", body))
