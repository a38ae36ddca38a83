"""Captions by category of AnimaLoraStudio, a JSON file next to each image, in three forms.

Full ``{fixed: {quality, series, artist}, character: {name, variant}, from_path: {appearance}, ai_output: {count,
appearance, tags, environment, nl}}``; simple ``{quality, count, character, …}``; standard ``{meta, tags: {…}}``.
Rendered as quality, count, character, series, artist, appearance, tags, environment, then ``. `` and the sentences.
"""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.captions.formats.entry import CaptionEntry, EntryKind, Part, joined
from anima_prompt.captions.formats.json_spans import Node
from anima_prompt.captions.formats.places import LineOf

ORDER = ("quality", "count", "character", "series", "artist", "appearance", "tags", "environment", "nl")
_FULL = {"ai_output", "fixed", "from_path"}
_OWN = {"appearance", "environment", "nl", "quality", "count"}
"""Keys that the JSON files of downloaders, which have tags and artists too, do not have."""
_PATHS: dict[str, tuple[tuple[str, ...], ...]] = {
    "quality": (("fixed", "quality"),),
    "count": (("ai_output", "count"),),
    "character": (("character", "name"), ("character", "variant")),
    "series": (("fixed", "series"),),
    "artist": (("fixed", "artist"),),
    "appearance": (("from_path", "appearance"), ("ai_output", "appearance")),
    "tags": (("ai_output", "tags"),),
    "environment": (("ai_output", "environment"),),
    "nl": (("ai_output", "nl"),),
}


def is_studio(node: Node) -> bool:
    """Return whether a JSON value is one of the three forms."""
    if node.kind != "object":
        return False
    keys = node.names()
    tags = node.get("tags")
    if keys & _FULL:
        return True
    if tags is not None and tags.kind == "object":
        return bool(tags.names() & set(ORDER))
    return bool(keys & _OWN) and 2 * len(keys & set(ORDER)) >= max(4, len(keys))


def read(node: Node, line_of: LineOf) -> Iterator[CaptionEntry]:
    """Yield the caption of the file."""
    parts = tuple(_parts(node))
    yield CaptionEntry("/", joined(parts), line_of(parts[0].start) if parts else 1, parts)


def _parts(node: Node) -> Iterator[Part]:
    tags = node.get("tags")
    if node.names() & _FULL:
        for field in ORDER:
            for path in _PATHS[field]:
                yield from _part(_at(node, path), field)
        return
    holder = tags if tags is not None and tags.kind == "object" else node
    for field in ORDER:
        yield from _part(holder.get(field), field)


def _at(node: Node, path: tuple[str, ...]) -> Node | None:
    found: Node | None = node
    for key in path:
        found = found.get(key) if found is not None and found.kind == "object" else None
    return found


def _part(value: Node | None, field: str) -> Iterator[Part]:
    strings = value.strings() if value is not None else None
    for string in strings or ():
        before = ". " if field == "nl" else ", "
        in_list = value is not None and value.kind == "list"
        yield Part(string.start, string.end, string.text, EntryKind.JSON, before, field, in_list)
