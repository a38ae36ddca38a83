"""The header of a safetensors file: names, dtypes, shapes and positions of its tensors, checked against the file.

safetensors checks the same, but its messages name no tensor. Source: the format's description in its README.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anima_infer.errors import CheckpointError

MOST_HEADER_BYTES = 100_000_000
"""The limit of safetensors itself."""
BITS = (
    {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
    | dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8)
    | dict.fromkeys(("I16", "U16", "F16", "BF16"), 16)
    | dict.fromkeys(("I32", "U32", "F32"), 32)
    | dict.fromkeys(("I64", "U64", "F64", "C64"), 64)
)
"""Bits of one value, by the dtype's name in the header."""
_AGAIN = "the download may be incomplete, download it again"


@dataclass(frozen=True, slots=True)
class HeaderEntry:
    """One tensor: dtype by its name in the header, shape, and its first and last byte in the data."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FileHeader:
    """The tensors of a file by name, in the order of the header, and the file's metadata."""

    entries: Mapping[str, HeaderEntry]
    metadata: Mapping[str, str]


def read_header(path: Path) -> FileHeader:
    """Return the header of a safetensors file.

    Raises:
        CheckpointError: the file is cut off, has bytes too many, or its header is malformed.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= MOST_HEADER_BYTES:
                raise CheckpointError(f"{path}: is not a safetensors file; pass a .safetensors file of the model")
            if 8 + length > size:
                raise CheckpointError(f"{path}: ends inside the header ({size} of {8 + length} bytes); {_AGAIN}")
            text = stream.read(length)
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror or error}); check the file's permissions"
        ) from None
    header = _parse(path, text)
    _check_size(path, header, size - 8 - length)
    return header


def _parse(path: Path, text: bytes) -> FileHeader:
    try:
        data = json.loads(text.decode("utf-8"), object_pairs_hook=unique_pairs)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: the header is not JSON ({_reason(error)}); {_AGAIN}") from None
    if not isinstance(data, dict):
        raise CheckpointError(f"{path}: the header is not a JSON object; {_AGAIN}")
    metadata = data.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise CheckpointError(f"{path}: the header's __metadata__ is not an object of texts; save the file again")
    if not data:
        raise CheckpointError(f"{path}: contains no tensors; pass a file with the weights of the model")
    return FileHeader({name: _entry(path, name, value) for name, value in data.items()}, metadata)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:100]


def unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs of a JSON object as a dictionary; for ``json.loads``.

    Raises:
        ValueError: a name occurs twice.
    """
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"'{twice[:80]}' occurs twice")
    return result


def _entry(path: Path, name: str, value: Any) -> HeaderEntry:
    try:
        dtype, shape, (start, end) = value["dtype"], tuple(value["shape"]), value["data_offsets"]
        numbers = (*shape, start, end)
        valid = isinstance(dtype, str) and start <= end and all(type(n) is int and n >= 0 for n in numbers)
    except (KeyError, TypeError, ValueError):
        valid = False
    if not valid:
        raise CheckpointError(f"{path}: '{name}' is malformed in the header; {_AGAIN}")
    if dtype not in BITS:
        raise CheckpointError(f"{path}: '{name}' has the unknown dtype '{dtype}'; expected one of {', '.join(BITS)}")
    if (math.prod(shape) * BITS[dtype] + 7) // 8 != end - start:
        raise CheckpointError(
            f"{path}: '{name}' has {end - start} bytes in the header, but {dtype} {list(shape)} needs "
            f"{(math.prod(shape) * BITS[dtype] + 7) // 8}; {_AGAIN}"
        )
    return HeaderEntry(dtype, shape, start, end)


def _check_size(path: Path, header: FileHeader, size: int) -> None:
    """Check that the data is as long as the header says."""
    outside = [name for name, entry in header.entries.items() if entry.end > size]
    last = max(entry.end for entry in header.entries.values())
    if outside:
        first = min(outside, key=lambda name: header.entries[name].start)
        more = "" if len(outside) == 1 else f" and {len(outside) - 1} more"
        raise CheckpointError(
            f"{path}: is cut off in '{first}'{more}: {size} of {last} bytes of data; "
            "the download is incomplete, download it again"
        )
    if last < size:
        raise CheckpointError(
            f"{path}: goes on after its last tensor (bytes too many: {size - last}); download it again"
        )
