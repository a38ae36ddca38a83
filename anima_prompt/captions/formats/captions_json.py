"""``captions.json`` of diffusion-pipe: ``{"file.png": ["caption 1", "caption 2"]}`` next to the images."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.captions.formats.entry import CaptionEntry, EntryKind, Part
from anima_prompt.captions.formats.json_spans import Node, pointer
from anima_prompt.captions.formats.places import LineOf

NAME = "captions.json"


def is_captions_json(node: Node) -> bool:
    """Return whether a JSON value maps names to a caption or to a list of captions."""
    if node.kind != "object" or not node.fields:
        return False
    return all(value.strings() is not None for _, value in node.fields)


def read(node: Node, line_of: LineOf) -> Iterator[CaptionEntry]:
    """Yield every caption of every image."""
    for key, value in node.fields:
        strings = value.strings() or []
        for index, string in enumerate(strings):
            place = pointer(key, index) if value.kind == "list" else pointer(key)
            part = Part(string.start, string.end, string.text, EntryKind.JSON)
            yield CaptionEntry(place, string.text, line_of(string.start), (part,), image=key, index=index)
