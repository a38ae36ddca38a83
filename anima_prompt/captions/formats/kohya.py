"""Metadata files of sd-scripts: JSON ``{path: {caption, tags, …}}`` and JSON lines ``{image_path, caption, tags, …}``.

The trainer's text is the caption, a separator, and the tags; here they are one caption of two parts.
"""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.captions.formats.entry import CaptionEntry, EntryKind, Part, joined
from anima_prompt.captions.formats.json_spans import Node, pointer
from anima_prompt.captions.formats.places import LineOf

FIELDS = ("caption", "tags")


def is_kohya(node: Node) -> bool:
    """Return whether a JSON value is a metadata file: an object of objects, of which one has a caption or tags."""
    values = [value for _, value in node.fields]
    if node.kind != "object" or not values or any(value.kind != "object" for value in values):
        return False
    return any(value.names() & set(FIELDS) for value in values)


def read(node: Node, line_of: LineOf) -> Iterator[CaptionEntry]:
    """Yield a caption for every image of a metadata file; an image without text has an empty caption."""
    for key, value in node.fields:
        parts = parts_of(value)
        place = parts[0].start if parts else value.start
        yield CaptionEntry(pointer(key), joined(parts), line_of(place), parts, image=key)


def parts_of(node: Node) -> tuple[Part, ...]:
    """Return caption and tags of one image's object."""
    parts: list[Part] = []
    for field in FIELDS:
        value = node.get(field)
        strings = value.strings() if value is not None else None
        in_list = value is not None and value.kind == "list"
        parts += [Part(s.start, s.end, s.text, EntryKind.JSON, ", ", field, in_list) for s in strings or ()]
    return tuple(parts)
