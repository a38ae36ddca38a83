"""One caption inside a file, with the places of its values, and the lossless way back.

A format says where the values are (:class:`Part`); :func:`write` is the same for all. An edit replaces the characters
that changed and nothing else: order of keys, spacing, numbers, escapes and line ends stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum

from anima_prompt.captions.encoding import Decoded
from anima_prompt.captions.formats.values import Codec, csv_codec, json_codec, text_codec
from anima_prompt.errors import InputError

_TOKEN = re.compile(r"\s*[,、，]\s*|\.\s+|[^,、，.]+|\.")
_EDGE = " ,\t\n"


class EntryKind(Enum):
    """How a value is written in its file."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"

    @property
    def codec(self) -> Codec:
        """The functions that read and write such a value."""
        return _CODECS[self]


_CODECS = {EntryKind.TEXT: text_codec, EntryKind.JSON: json_codec, EntryKind.CSV: csv_codec}


@dataclass(frozen=True, slots=True)
class Part:
    """One value of a caption.

    Attributes:
        start, end: span of the value in the decoded file, quotation marks included.
        text: the value.
        kind: how it is written.
        before: what stands between the part and the one before it in the rendered caption.
        field: name of the field, for programs that keep categories apart.
        in_list: whether the value is an element of a JSON list, so that it can be taken out or get a neighbor.
    """

    start: int
    end: int
    text: str
    kind: EntryKind
    before: str = ""
    field: str = ""
    in_list: bool = False


@dataclass(frozen=True, slots=True)
class CaptionEntry:
    """One caption of a file.

    Attributes:
        key: place inside the file: a JSON pointer, ``line 3``; empty for a text file.
        text: the caption, its parts joined; line ends are line feeds.
        line: line of the file on which it starts, from 1.
        parts: its values, in the order of the text.
        image: name of the image as the file says it; empty where the file name says it.
        index: number among several captions of one image, from 0.
    """

    key: str
    text: str
    line: int
    parts: tuple[Part, ...]
    image: str = ""
    index: int = 0


def joined(parts: Iterable[Part]) -> str:
    """Return the caption that parts make together; empty parts leave no separator."""
    return _joined([(part.before, part.text) for part in parts])


def _joined(pairs: Iterable[tuple[str, str]]) -> str:
    text = ""
    for before, value in pairs:
        if value.strip():
            text = f"{text}{before}{value}" if text else value
    return text


def write(decoded: Decoded, entries: Iterable[CaptionEntry], texts: Mapping[str, str], name: str = "the file") -> bytes:
    """Return the file's bytes with the captions of some entries replaced.

    Args:
        texts: new captions by the keys of their entries; the others stay.
        name: the file, for messages.

    Raises:
        InputError: a caption cannot be put into the fields of its format, or into the encoding.
    """
    changes: list[tuple[int, int, str]] = []
    for entry in entries:
        new = texts.get(entry.key)
        if new is None or new == entry.text:
            continue
        changes += _changes(entry, new, decoded, name)
    return decoded.encode(_replaced(decoded.text, changes), name)


def _changes(entry: CaptionEntry, new: str, decoded: Decoded, name: str) -> list[tuple[int, int, str]]:
    if len(entry.parts) == 1:
        return [_change(entry.parts[0], new, decoded)]
    values, added = _distributed(entry, new)
    check = _joined(
        pair
        for number, part in enumerate(entry.parts)
        for pair in ((part.before, values[number]), *((", ", text) for text in added.get(number, ())))
    )
    if _bare(check) != _bare(new) or _moves(entry.parts, values):
        where = f" ({entry.key})" if entry.key else ""
        raise InputError(
            f"{name}:{entry.line}{where}: the new caption does not fit the file's fields, which keep their order; "
            "edit the file by hand, or change fewer tags at a time"
        )
    changes = []
    for number, part in enumerate(entry.parts):
        if values[number] != part.text:
            removed = part.in_list and not values[number]
            changes.append(_removal(part, decoded.text) if removed else _change(part, values[number], decoded))
        if number in added:
            changes.append(_insertion(part, added[number], decoded.text))
    return changes


def _moves(parts: Sequence[Part], values: Sequence[str]) -> bool:
    """Return whether a tag leaves one field for another: the fields have an order and a meaning of their own."""
    pairs = [(_units(part.text), _units(value)) for part, value in zip(parts, values, strict=True)]
    gone = {unit for old, new in pairs for unit in old - new}
    return any(gone & (new - old) for old, new in pairs)


def _units(text: str) -> set[str]:
    return {unit for piece in text.split(",") if (unit := piece.strip(_EDGE + "."))}


def _bare(text: str) -> str:
    """Return a caption without what an edit may leave between two fields."""
    return ",".join(piece for piece in (p.strip(" .\n\t") for p in text.replace(". ", ",").split(",")) if piece)


def _distributed(entry: CaptionEntry, new: str) -> tuple[list[str], dict[int, list[str]]]:
    """Return the new value of every part, and new list elements by the part that they follow."""
    spans = _places(entry)
    values = [part.text for part in entry.parts]
    added: dict[int, list[str]] = {}
    for start, end, text in reversed(list(_differences(entry.text, new))):
        touched = [n for n, (low, high) in enumerate(spans) if low < end and start < high]
        if not touched:
            near = max((n for n, (_, high) in enumerate(spans) if 0 <= high <= start), default=0)
            touched = [near]
        for position, number in enumerate(touched):
            low, high = spans[number]
            piece = text if position == 0 else ""
            part = entry.parts[number]
            inside = low < end and start < high
            if part.in_list and not inside and piece.strip(_EDGE):
                added.setdefault(number, []).insert(0, piece.strip(_EDGE))
                continue
            first, last = max(start, low) - low, max(min(end, high) - low, max(start, low) - low)
            if low == high or not inside:
                first = last = min(max(start - low, 0), len(values[number]))
            values[number] = values[number][:first] + piece + values[number][last:]
    return [_tidy(value, part) for value, part in zip(values, entry.parts, strict=True)], added


def _places(entry: CaptionEntry) -> list[tuple[int, int]]:
    """Return the span of every part in the entry's text; (-1, -1) for an empty part."""
    spans, position = [], 0
    for part in entry.parts:
        if not part.text.strip():
            spans.append((-1, -1))
            continue
        position += len(part.before) if position else 0
        spans.append((position, position + len(part.text)))
        position += len(part.text)
    return spans


def _tidy(value: str, part: Part) -> str:
    """Return a changed value without the separators that a removed tag left at its ends."""
    if value == part.text:
        return value
    left = len(part.text) - len(part.text.lstrip(_EDGE))
    right = len(part.text) - len(part.text.rstrip(_EDGE))
    bare = value.strip(_EDGE)
    return part.text[:left] + bare + (part.text[-right:] if right else "") if bare.strip(".") else ""


def _differences(old: str, new: str) -> Iterable[tuple[int, int, str]]:
    """Yield the spans of ``old`` that differ, by tags and separators, with what stands there in ``new``."""
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    starts = [0]
    for token in before:
        starts.append(starts[-1] + len(token))
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            yield starts[i1], starts[i2], "".join(after[j1:j2])


def _change(part: Part, new: str, decoded: Decoded) -> tuple[int, int, str]:
    """Return the replacement of the characters of a value that differ."""
    raw = decoded.text[part.start : part.end]
    start, end, text = part.kind.codec(raw, part.text, new, decoded.line_end, decoded.text)
    return part.start + start, part.start + end, text


def _removal(part: Part, text: str) -> tuple[int, int, str]:
    """Return the removal of a list element with one comma next to it."""
    after = part.end
    while after < len(text) and text[after].isspace():
        after += 1
    if after < len(text) and text[after] == ",":
        after += 1
        while after < len(text) and text[after].isspace():
            after += 1
        return part.start, after, ""
    before = part.start
    while before and text[before - 1].isspace():
        before -= 1
    if before and text[before - 1] == ",":
        return before - 1, part.end, ""
    return part.start, part.end, ""


def _insertion(part: Part, values: Sequence[str], text: str) -> tuple[int, int, str]:
    """Return the insertion of list elements after a part, spaced as the elements of its list are."""
    start = part.start
    while start and text[start - 1].isspace():
        start -= 1
    between = "," + (text[start : part.start] or (" " if ", " in text else ""))
    pieces = (json_codec('""', "", value, "\n", text) for value in values)
    return part.end, part.end, "".join(f'{between}"{piece}"' for _, _, piece in pieces)


def _replaced(text: str, changes: list[tuple[int, int, str]]) -> str:
    """Return the text with changes applied; neighbors that were both taken out may share a comma."""
    pieces, position = [], 0
    for start, end, new in sorted(changes, key=lambda change: (change[0], change[1])):
        pieces += [text[position : max(position, start)], new]
        position = max(position, end)
    return "".join((*pieces, text[position:]))
