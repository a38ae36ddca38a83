"""Read the prompts of a file, and write them back.

Knows every input format; knows nothing of rules. A piece has the position of its texts in the file, so that a span in a
prompt becomes a line and a column of the file.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path

from anima_prompt.diagnostics import Part
from anima_prompt.dialects import Dialect, ForeignDialect
from anima_prompt.errors import AnimaPromptError, InputError
from anima_prompt.interchange.file_kinds import IMAGES, RECORDS, STRUCTURED, TEXTS, NoPromptError
from anima_prompt.interchange.parameters import is_infotext, read_parameters
from anima_prompt.interchange.recorded import Recorded
from anima_prompt.interchange.records import Record, read_record, write_record
from anima_prompt.interchange.textfile import DIVIDER, join_negative, lines_of, read_text, split_negative
from anima_prompt.lint.document import Document, Role, Settings
from anima_prompt.lint_files.configuration import Use
from anima_prompt.profiles import DEFAULT_PROFILE, guess_profile
from anima_prompt.prompt import convert
from anima_prompt.surrogates import reject_surrogates

ENDINGS = (*TEXTS, *STRUCTURED, *RECORDS, *IMAGES)
NO_TEXTS = (".bmp", ".tif", ".tiff", ".jxl", ".mp4", ".zip", ".safetensors", ".pt", ".pth", ".csv")
"""Endings of files that are often in folders of prompts but contain none that is read."""

SIDECAR = ".anima-ignore"
_BOTH = 1 << 30
MOST_BYTES = 1024 * 1024 * 1024
"""Largest file with one prompt per line."""

MOST_CHARACTERS = 1_000_000
"""Longest prompt that is linted; the longest real prompts have some thousands."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One prompt of a file.

    Attributes:
        document: input of the linter.
        line, negative_line: first line of each text in the file, from 1.
        shown: whether columns are those of the file; False if the text is extracted, as from JSON.
        place: position in the file for people, if the prompt has no line.
        record: the JSON-lines record of the prompt.
        ignored: selectors of a sidecar or of YAML comments.
        can_write: whether the text can be put back where it stood.
        notes: texts that could not be read, one line each.
    """

    document: Document
    line: int = 1
    negative_line: int = 1
    shown: bool = True
    place: str = ""
    record: Record | None = None
    ignored: str = ""
    can_write: bool = True
    notes: tuple[str, ...] = ()

    def position(self, offset: int, part: Part) -> tuple[int, int]:
        """Return line and column, both from 1, of an offset in one of the two texts."""
        text = self.document.prompt if part == "prompt" else self.document.negative or ""
        first = self.line if part == "prompt" else self.negative_line
        if not self.shown:
            return first, offset + 1
        starts = _line_starts(text)
        line = bisect_right(starts, offset) - 1
        return first + line, offset - starts[line] + 1


@lru_cache(maxsize=8)
def _line_starts(text: str) -> list[int]:
    """Return the starts of lines, cached for the many findings of a long text."""
    return [0, *(match.end() for match in re.finditer("\n", text))]


def pieces_of(source: str, use: Use) -> list[Piece]:
    """Return the prompts of a file, or of standard input for ``-``.

    Raises:
        InputError: the file cannot be read, or has an unknown format.
        PromptFileError: a prompt file breaks the schema.
    """
    ending = ".txt" if source == "-" else Path(source).suffix.lower()
    if ending in IMAGES:
        return _image(Path(source), use)
    if ending in RECORDS:
        return _records(read_text(source, limit=MOST_BYTES), source, use)
    if ending in STRUCTURED:
        return _structured(read_text(source), source, use)
    if ending in NO_TEXTS:
        raise InputError(f"{source}: is not a file type that can be linted; expected one of {', '.join(ENDINGS)}")
    text = read_text(source, limit=MOST_BYTES) if use.lines else read_text(source)
    if "\0" in text:
        raise InputError(f"{source}: contains binary data; expected one of {', '.join(ENDINGS)}")
    if not use.lines and is_infotext(text):  # saved beside an image, and not its caption
        return _recorded_pieces([read_parameters(text)], replace(use, role=None if _is_caption(use) else use.role))
    return text_pieces(text, use, name_of(source))


def name_of(source: str) -> str:
    """Return the name of a source in messages."""
    return "standard input" if source == "-" else source


def text_pieces(text: str, use: Use, name: str = "the text") -> list[Piece]:
    """Return the prompts of a text: one, with a negative prompt below a line of three hyphens, or one per line.

    Raises:
        InputError: the text is too long, or not text.
        PartlyReadError: some lines are too long.
    """
    if use.lines:
        reject_surrogates(text, name)
        return _lines(text, use, name)
    _check(text, name)
    prompt, negative = split_negative(text)
    if negative is None:
        return [Piece(_document(text.replace("\r\n", "\n").rstrip("\n"), None, use))]
    below = next(i for i, line in enumerate(lines_of(text)) if line.strip() == DIVIDER)
    return [Piece(_document(prompt, negative, use), 1, below + 2)]


def _check(text: str, name: str) -> None:
    reject_surrogates(text, name)
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            f"{name}: the prompt has {len(text)} characters; at most {MOST_CHARACTERS} are linted; split it"
        )


def _lines(text: str, use: Use, name: str) -> list[Piece]:
    """Return a piece for every line; comment lines belong to the prompt below them."""
    comments: list[str] = []
    pieces, bad = [], []
    for number, line in enumerate(lines_of(text), start=1):
        if not line.strip():
            comments = []
        elif line.lstrip().startswith("#"):
            comments.append(line)
        elif len(line) > MOST_CHARACTERS:
            bad.append(
                f"{name}:{number}: the line has {len(line)} characters; at most {MOST_CHARACTERS} are linted; split it"
            )
        else:
            whole = "\n".join((*comments, line))
            pieces.append(Piece(_document(whole, None, use), number - len(comments), number))
            comments = []
    if bad:
        raise PartlyReadError("\n".join(bad), pieces)
    return pieces


def _records(text: str, source: str, use: Use) -> list[Piece]:
    pieces, bad = [], []
    for number, line in enumerate(lines_of(text), start=1):
        if not line.strip():
            continue
        try:
            record = read_record(line, number, source)
            _check(record.prompt, f"{source}:{number}")
            _check(record.negative or "", f"{source}:{number}")
            own = Use(
                Dialect.of(record.dialect) if record.dialect else None,
                record.profile,
                Role.of(record.role) if record.role else None,
            )
        except AnimaPromptError as error:
            bad.append(str(error) if str(error).startswith(source) else f"{source}:{number}: {error}")
            continue
        document = _document(record.prompt, record.negative, own.over(use), record.settings)
        pieces.append(Piece(document, number, number, shown=False, record=record))
    if bad:
        raise PartlyReadError("\n".join(bad), pieces)
    return pieces


class PartlyReadError(InputError):
    """Some records of a file are bad; ``pieces`` are the good ones."""

    def __init__(self, message: str, pieces: list[Piece]) -> None:
        super().__init__(message)
        self.pieces = pieces


def _structured(text: str, source: str, use: Use) -> list[Piece]:
    from anima_prompt.interchange.reading import no_prompt_or, read_front_end

    if source.lower().endswith(".json"):
        found = read_front_end(text, source)
        if found:
            return _recorded_pieces(found, use)
    from anima_prompt.interchange.promptfile import parse_prompt_file

    pieces = []
    comments = "\n".join(line for line in lines_of(text) if line.lstrip().startswith("#"))
    try:
        items = parse_prompt_file(text, source)
    except AnimaPromptError as error:
        raise no_prompt_or(error, text) from None
    for item in items:
        dialect = use.dialect or Dialect.COMFYUI
        negative = None if item.prompt.negative is None else item.prompt.negative.to_text(dialect)
        own = Use(profile=item.profile.key if item.profile else None).over(use)
        document = _document(item.prompt.to_text(dialect), negative, own)
        pieces.append(Piece(document, item.line, item.line, shown=False, place=item.name, ignored=comments))
    return pieces


def _image(path: Path, use: Use) -> list[Piece]:
    from anima_prompt.interchange.reading import read_image_file

    found = read_image_file(path)
    sidecar = path.with_name(path.name + SIDECAR)
    ignored = ""
    if sidecar.is_file():
        lines = lines_of(read_text(str(sidecar)))
        ignored = "\n".join(
            line if line.lstrip().startswith("#") else f"# anima: ignore {line}" for line in lines if line.strip()
        )
    return [replace(piece, ignored=ignored) for piece in _recorded_pieces(found, use)]


def _is_caption(use: Use) -> bool:
    return use.role is Role.CAPTION


def _recorded_pieces(found: list[Recorded], use: Use) -> list[Piece]:
    """Return the pieces of what was read from a file of another program.

    Raises:
        NoPromptError: nothing could be read; the message says where the texts come from.
    """
    pieces: list[Piece] = []
    negatives: set[str] = set()
    for record in found:
        notes = tuple(dict.fromkeys(map(str, record.not_read)))
        texts: list[tuple[str, Role | None, str | None]] = []
        if record.prompt is not None:
            whole = record.role == "positive"
            texts.append((record.prompt, None if whole else Role(record.role), record.negative if whole else None))
        if (record.prompt is None or record.role == "region") and record.negative not in (None, *negatives):
            texts.append((record.negative or "", Role.NEGATIVE, None))
            negatives.add(record.negative or "")
        new = [_recorded(record, use, text, role=role, negative=negative) for text, role, negative in texts]
        pieces += [replace(piece, notes=notes) if index == 0 else piece for index, piece in enumerate(new)]
    if not pieces:
        lines = dict.fromkeys(str(one) for record in found for one in record.not_read)
        raise NoPromptError("; ".join(lines) or "has no text that is encoded")
    return pieces


def _recorded(record: Recorded, use: Use, text: str, *, role: Role | None, negative: str | None) -> Piece:
    dialect = record.dialect
    if isinstance(dialect, ForeignDialect):
        text = convert(text, dialect, Dialect.COMFYUI).text
        negative = None if negative is None else convert(negative, dialect, Dialect.COMFYUI).text
        dialect = Dialect.COMFYUI
    for one in (text, negative or ""):
        _check(one, record.place or "the image")
    own = Use(dialect=use.dialect or dialect, profile=guess_profile(record.model), role=role)
    document = _document(text, negative, own.over(use), dict(record.settings))
    return Piece(document, shown=False, place=record.place, can_write=False)


def _document(prompt: str, negative: str | None, use: Use, figures: dict[str, str] | None = None) -> Document:
    return Document(
        prompt,
        negative,
        use.role or Role.POSITIVE,
        use.dialect or Dialect.COMFYUI,
        use.profile or DEFAULT_PROFILE,
        settings_from(figures or {}),
    )


def settings_from(figures: dict[str, str]) -> Settings:
    """Return settings from texts; values that are not numbers are skipped: image metadata may contain anything."""
    numbers = {key: _number(figures.get(key)) for key in ("steps", "width", "height", "guidance_scale", "shift")}
    whole = {key: None if numbers[key] is None else int(numbers[key] or 0) for key in ("steps", "width", "height")}
    return Settings(
        whole["steps"],
        numbers["guidance_scale"],
        figures.get("sampler"),
        figures.get("scheduler"),
        numbers["shift"],
        whole["width"],
        whole["height"],
        hires="hires" in figures,
    )


def _number(text: str | None) -> Decimal | None:
    try:
        number = Decimal(text) if text else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() and abs(number) < _BOTH else None


# --- back into the file ----------------------------------------------------------------------------------------------


def can_write(source: str) -> bool:
    """Return whether fixes can be written to files of this format."""
    return source == "-" or Path(source).suffix.lower() in (*TEXTS, *RECORDS)


def with_texts(text: str, source: str, pieces: list[Piece], texts: list[tuple[str, str | None]], *, lines: bool) -> str:
    """Return a file's text with the prompts of ``pieces`` replaced by ``texts``, line endings kept."""
    ending = "\r\n" if "\r\n" in text else "\n"
    closing = ending if text.endswith(("\n", "\r")) else ""
    if not lines and (source == "-" or Path(source).suffix.lower() not in RECORDS):
        prompt, negative = texts[0]
        body = join_negative(prompt, negative)
        return body.rstrip("\n").replace("\n", ending) + closing if body else body
    rows = lines_of(text, keep_ends=True)
    for piece, (prompt, negative) in sorted(zip(pieces, texts, strict=True), key=lambda pair: -pair[0].line):
        if (prompt, negative) == (piece.document.prompt, piece.document.negative):
            continue
        last = rows[piece.negative_line - 1]
        own = last[len(last.rstrip("\r\n")) :]
        new = prompt.split("\n") if piece.record is None else [write_record(piece.record, prompt, negative)]
        rows[piece.line - 1 : piece.negative_line] = [f"{line}{ending}" for line in new[:-1]] + [f"{new[-1]}{own}"]
    return "".join(rows)


def line_span(text: str, offset: int) -> tuple[int, int]:
    """Return start and end of the line that contains an offset."""
    starts = _line_starts(text)
    line = bisect_right(starts, offset) - 1
    return starts[line], starts[line + 1] - 1 if line + 1 < len(starts) else len(text)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that may contain prompts, in a stable order, without hidden files."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in ENDINGS and not hidden and path.is_file() and path.name != "pyproject.toml":
            yield path


class Captions:
    """Find captions of images; every folder is listed once."""

    def __init__(self) -> None:
        """Start with an empty cache."""
        self._stems: dict[str, frozenset[str]] = {}

    def __contains__(self, source: str) -> bool:
        """Return whether a text file is the caption of an image with the same name in the same folder."""
        folder, name = os.path.split(source)
        stem, ending = os.path.splitext(name)  # noqa: PTH122  called a hundred thousand times
        if ending.lower() not in (".txt", ".caption"):
            return False
        if folder not in self._stems:
            try:
                names = [os.path.splitext(entry) for entry in os.listdir(folder or ".")]  # noqa: PTH122, PTH208
            except OSError:
                names = []
            self._stems[folder] = frozenset(first for first, second in names if second.lower() in IMAGES)
        return stem in self._stems[folder]
