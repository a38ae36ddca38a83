"""Tables with a column of captions: Hugging Face ``metadata.jsonl`` and ``metadata.csv``, sd-scripts' JSON lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from anima_prompt.captions.formats.entry import CaptionEntry, EntryKind, Part, joined
from anima_prompt.captions.formats.json_spans import Node, lines_with_values, read_json
from anima_prompt.captions.formats.kohya import parts_of
from anima_prompt.errors import InputError

COLUMNS = ("text", "caption", "captions", "prompt", "description", "tags", "caption_short")
"""Names of columns with captions, the first that a table has is read."""
IMAGES = ("file_name", "image_path", "image", "path", "file", "filename")
_DELIMITERS = (",", ";", "\t")


def read_lines(text: str, name: str, *, column: str | None = None) -> tuple[list[CaptionEntry], list[str]]:
    """Return the captions of JSON lines, and an error for every line that cannot be read."""
    entries: list[CaptionEntry] = []
    errors: list[str] = []
    for number, start, end in lines_with_values(text):
        try:
            node = read_json(text, name, start=start, end=end, line=number)
            entries += _record(node, number, name, column)
        except InputError as error:
            errors.append(str(error))
    return entries, errors


def is_record(node: Node) -> bool:
    """Return whether a JSON value is a row that names an image and has a caption."""
    return node.kind == "object" and bool(node.names() & set(IMAGES)) and bool(node.names() & set(COLUMNS))


def _record(node: Node, number: int, name: str, column: str | None) -> Iterator[CaptionEntry]:
    if node.kind != "object":
        raise InputError(f'{name}:{number}: is not a JSON object; expected {{"file_name": …, "text": …}}')
    image = next((value.text for key in IMAGES if (value := node.get(key)) and value.kind == "string"), "")
    if column is None and node.get("image_path") and node.names() & {"caption", "tags"}:
        parts = parts_of(node)
        yield CaptionEntry(f"line {number}", joined(parts), number, parts, image)
        return
    key = column or next((c for c in COLUMNS if c in node.names()), "")
    value = node.get(key) if key else None
    strings = value.strings() if value is not None else None
    if strings is None:
        wanted = column or ", ".join(COLUMNS)
        raise InputError(f"{name}:{number}: has no text in a column {wanted}; name the column with --column")
    for index, string in enumerate(strings):
        place = f"line {number}" if len(strings) == 1 else f"line {number}/{index}"
        part = Part(string.start, string.end, string.text, EntryKind.JSON)
        yield CaptionEntry(place, string.text, number, (part,), image, index)


def read_csv(text: str, name: str, *, column: str | None = None) -> list[CaptionEntry]:
    """Return the captions of a CSV file with a header.

    Raises:
        InputError: there is no column of captions, or a quotation mark is not closed.
    """
    first_line = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first_line.count)
    rows = list(_rows(text, delimiter, name))
    if not rows:
        return []
    header = [_field(text, *cell).strip() for cell in rows[0][1]]
    chosen = column or next((c for c in COLUMNS if c in header), "")
    if chosen not in header:
        raise InputError(
            f"{name}: has no column {column or ' or '.join(COLUMNS[:4])}; it has {', '.join(header)[:200]}; "
            "name the column with --column"
        )
    place = header.index(chosen)
    images = [header.index(c) for c in IMAGES if c in header]
    return list(_entries(text, rows[1:], place, images))


def csv_columns(text: str) -> list[str]:
    """Return the header of a CSV text, for a look at whether it has captions."""
    first_line = text.split("\n", 1)[0].strip("\r")
    delimiter = max(_DELIMITERS, key=first_line.count)
    return [cell.strip().strip('"') for cell in first_line.split(delimiter)]


def _entries(
    text: str, rows: Sequence[tuple[int, list[tuple[int, int]]]], place: int, images: list[int]
) -> Iterator[CaptionEntry]:
    for number, (line, cells) in enumerate(rows, start=1):
        if place < len(cells):
            start, end = cells[place]
            value = _field(text, start, end).replace("\r\n", "\n")
            image = next((_field(text, *cells[i]) for i in images if i < len(cells)), "")
            yield CaptionEntry(f"row {number}", value, line, (Part(start, end, value, EntryKind.CSV),), image)


def _rows(text: str, delimiter: str, name: str) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Yield line and cells, as spans, of every row that is not empty."""
    quoted = re.compile(r'"(?:[^"]|"")*"')
    bare = re.compile(rf"[^{re.escape(delimiter)}\r\n]*")
    place, line = 0, 1
    while place < len(text):
        cells, first = [], line
        while True:
            match = quoted.match(text, place) if text[place : place + 1] == '"' else None
            if match is None and text[place : place + 1] == '"':
                raise InputError(f"{name}:{line}: a quotation mark is not closed; check the CSV syntax")
            end = match.end() if match else place
            tail = bare.match(text, end)
            end = tail.end() if tail else end
            cells.append((place, end))
            line += text.count("\n", place, end)
            place = end
            if text[place : place + 1] != delimiter:
                break
            place += 1
        if text[place : place + 1] == "\r":
            place += 1
        if text[place : place + 1] == "\n":
            place += 1
        line += 1
        if len(cells) > 1 or cells[0][0] < cells[0][1]:
            yield first, cells


def _field(text: str, start: int, end: int) -> str:
    raw = text[start:end]
    return raw[1:-1].replace('""', '"') if raw.startswith('"') and raw.endswith('"') and len(raw) > 1 else raw
