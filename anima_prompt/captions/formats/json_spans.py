"""Read JSON with the span of every value, so that one string can be replaced and nothing else moves.

Strict: what ``json.loads`` refuses is an error here too, with line and column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, Literal

from anima_prompt.errors import InputError

_SPACE = re.compile(r"[ \t\n\r]*")
_ATOM = re.compile(r"(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|NaN|-?Infinity)(?![\w.+-])")
MOST_DEPTH = 100
"""Deepest nesting that is read; caption files have four levels."""


@dataclass(slots=True)
class Node:
    """A value and its span. ``items`` are the elements of a list; ``fields`` the pairs of an object."""

    kind: Literal["string", "list", "object", "other"]
    start: int
    end: int
    text: str = ""
    items: list[Node] = field(default_factory=list)
    fields: list[tuple[str, Node]] = field(default_factory=list)

    def get(self, key: str) -> Node | None:
        """Return the value of a key, the last one if it is repeated, as every reader does."""
        return next((node for name, node in reversed(self.fields) if name == key), None)

    def names(self) -> set[str]:
        """Return the keys of an object."""
        return {name for name, _ in self.fields}

    def strings(self) -> list[Node] | None:
        """Return the string itself or the strings of a list; None for anything else."""
        if self.kind == "string":
            return [self]
        if self.kind == "list" and all(item.kind == "string" for item in self.items):
            return self.items
        return None


def read_json(text: str, name: str, *, start: int = 0, end: int | None = None, line: int = 1) -> Node:
    """Return the value of a JSON text, or of a part of a text.

    Args:
        line: number of the line that ``start`` is on, for messages.

    Raises:
        InputError: the text is not JSON; the message has ``file:line:column``.
    """
    try:
        node = _only_value(text, start, len(text) if end is None else end)
    except json.JSONDecodeError as error:
        before = text[start : error.pos]
        row, column = line + before.count("\n"), len(before) - before.rfind("\n")
        raise InputError(f"{name}:{row}:{column}: {error.msg.lower()}; check the JSON syntax") from None
    except RecursionError:
        raise InputError(f"{name}: nested too deeply; a caption file has four levels") from None
    return node


def _only_value(text: str, start: int, end: int) -> Node:
    node, place = _value(text, _skip(text, start), 0)
    place = _skip(text, place)
    if place < end:
        raise json.JSONDecodeError("extra data", text, place)
    return node


def _skip(text: str, place: int) -> int:
    match: Any = _SPACE.match(text, place)
    return int(match.end())


def _value(text: str, place: int, depth: int) -> tuple[Node, int]:
    sign = text[place : place + 1]
    if sign == '"':
        value, end = scanstring(text, place + 1, True)  # noqa: FBT003  json's own signature
        return Node("string", place, end, value), end
    if sign in ("{", "[") and sign:
        if depth >= MOST_DEPTH:
            raise json.JSONDecodeError(f"nested more than {MOST_DEPTH} deep", text, place)
        return _object(text, place, depth) if sign == "{" else _list(text, place, depth)
    match = _ATOM.match(text, place)
    if match is None:
        raise json.JSONDecodeError("expecting value", text, place)
    return Node("other", place, match.end()), match.end()


def _list(text: str, start: int, depth: int) -> tuple[Node, int]:
    node = Node("list", start, start)
    place = _skip(text, start + 1)
    while text[place : place + 1] != "]" or node.items:
        item, place = _value(text, place, depth + 1)
        node.items.append(item)
        place, is_last = _after(text, place, "]")
        if is_last:
            break
    node.end = place + 1
    return node, node.end


def _object(text: str, start: int, depth: int) -> tuple[Node, int]:
    node = Node("object", start, start)
    place = _skip(text, start + 1)
    while text[place : place + 1] != "}" or node.fields:
        if text[place : place + 1] != '"':
            raise json.JSONDecodeError("expecting property name enclosed in double quotes", text, place)
        key, place = scanstring(text, place + 1, True)  # noqa: FBT003
        place = _skip(text, place)
        if text[place : place + 1] != ":":
            raise json.JSONDecodeError("expecting ':' delimiter", text, place)
        value, place = _value(text, _skip(text, place + 1), depth + 1)
        node.fields.append((key, value))
        place, is_last = _after(text, place, "}")
        if is_last:
            break
    node.end = place + 1
    return node, node.end


def _after(text: str, place: int, closing: str) -> tuple[int, bool]:
    """Return the place of the next element, or of the closing bracket, and whether it is the bracket."""
    place = _skip(text, place)
    sign = text[place : place + 1]
    if sign == closing:
        return place, True
    if sign != ",":
        raise json.JSONDecodeError("expecting ',' delimiter", text, place)
    return _skip(text, place + 1), False


def pointer(*keys: str | int) -> str:
    """Return a JSON pointer (RFC 6901).

    >>> pointer("a/b.png", 0)
    '/a~1b.png/0'
    """
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in keys)


def lines_with_values(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of every line of JSON lines that is not empty."""
    start = number = 0
    while start < len(text):
        number += 1
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if text[start:end].strip():
            yield number, start, end
        start = end + 1
