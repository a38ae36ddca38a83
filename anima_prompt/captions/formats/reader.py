"""Which format a file is in, and its captions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from anima_prompt.captions.encoding import Decoded
from anima_prompt.captions.formats import captions_json, kohya, metadata, studio, text
from anima_prompt.captions.formats.entry import CaptionEntry
from anima_prompt.captions.formats.json_spans import Node, read_json
from anima_prompt.captions.formats.places import LineOf
from anima_prompt.errors import InputError

TEXTS = (".txt", ".caption")
TABLES = (".jsonl", ".ndjson", ".csv")
ENDINGS = (*TEXTS, ".json", *TABLES)


@dataclass(frozen=True, slots=True)
class Content:
    """The captions of one file.

    Attributes:
        format: ``text``, ``kohya``, ``captions.json``, ``table``, ``studio``; empty for a file of another program.
        entries: its captions.
        errors: what cannot be read of it, ``file:line: …``.
    """

    format: str
    entries: tuple[CaptionEntry, ...] = ()
    errors: tuple[str, ...] = ()


def read_entries(
    decoded: Decoded, name: str, *, lines: bool = False, column: str | None = None, is_named: bool = False
) -> Content:
    """Return the captions of a decoded file.

    Args:
        name: the file, whose ending decides.
        lines: whether a text file has one caption a line.
        column: the column of captions in tables.
        is_named: whether the user named the file, so that it must contain captions; otherwise it may be anything.
    """
    ending = PurePath(name).suffix.lower()
    try:
        if ending == ".json":
            return _json(decoded.text, name, is_named=is_named)
        if ending == ".csv":
            known = set(metadata.csv_columns(decoded.text))
            wanted = {column} if column else set(metadata.COLUMNS)
            if not is_named and not (known & wanted and known & set(metadata.IMAGES)):
                return Content("")
            return Content("table", tuple(metadata.read_csv(decoded.text, name, column=column)))
        if ending in TABLES:
            entries, errors = metadata.read_lines(decoded.text, name, column=column)
            if not entries and not is_named:
                return Content("")
            return Content("table", tuple(entries), tuple(errors))
    except InputError as error:
        return Content("", (), (str(error),))
    return Content("text", tuple(text.read(decoded, name, lines=lines)))


def _json(source: str, name: str, *, is_named: bool) -> Content:
    node = read_json(source, name)
    line_of = LineOf(source)
    if PurePath(name).name.lower() == captions_json.NAME and not (
        captions_json.is_captions_json(node) or kohya.is_kohya(node)
    ):
        raise InputError(f'{name}: does not map files to captions; expected {{"file.png": ["caption"]}}')
    if studio.is_studio(node):  # before sd-scripts' form, which its objects resemble
        return Content("studio", tuple(studio.read(node, line_of)))
    if kohya.is_kohya(node):
        return Content("kohya", _last(kohya.read(node, line_of)))
    if _maps_images(node):
        return Content("captions.json", _last(captions_json.read(node, line_of)))
    if node.kind == "list" and node.items and all(metadata.is_record(item) for item in node.items):
        return Content("table", tuple(_records(node, line_of)))
    if is_named:
        raise InputError(
            f"{name}: is not a caption file that is known; expected metadata of sd-scripts, captions.json, "
            "a list of rows, or a caption of AnimaLoraStudio"
        )
    return Content("")


def _last(entries: Iterable[CaptionEntry]) -> tuple[CaptionEntry, ...]:
    """Return the entries by key: of a key that is repeated, readers of JSON see the last value alone."""
    return tuple({entry.key: entry for entry in entries}.values())


def _maps_images(node: Node) -> bool:
    images = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".avif", ".jxl", ".tif", ".tiff", ".mp4")
    return captions_json.is_captions_json(node) and any(key.lower().endswith(images) for key, _ in node.fields)


def _records(node: Node, line_of: LineOf) -> list[CaptionEntry]:
    from anima_prompt.captions.formats.entry import EntryKind, Part
    from anima_prompt.captions.formats.json_spans import pointer

    entries = []
    for number, item in enumerate(node.items):
        image = next((v.text for key in metadata.IMAGES if (v := item.get(key)) and v.kind == "string"), "")
        key = next(c for c in metadata.COLUMNS if c in item.names())
        value = item.get(key)
        for index, string in enumerate((value.strings() if value else None) or ()):
            part = Part(string.start, string.end, string.text, EntryKind.JSON)
            entries.append(
                CaptionEntry(pointer(number, key, index), string.text, line_of(string.start), (part,), image, index)
            )
    return entries
