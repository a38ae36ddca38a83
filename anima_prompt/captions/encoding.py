r"""Decode the bytes of a caption file, and encode them again byte for byte.

The byte-order mark, the encoding and the line ends are kept. Files that are not UTF-8 occur: Windows programs write
UTF-16 or the code page of the system. Whatever is read can be written again: a file in an unknown encoding is read as
Latin-1, in which every byte is a character, and says so (``is_guessed``).

>>> decoded = decode(b"\xef\xbb\xbf1girl, smile\r\n")
>>> decoded.text, decoded.encoding, decoded.encode(decoded.text.replace("smile", "hat"))
('1girl, smile\r\n', 'utf-8', b'\xef\xbb\xbf1girl, hat\r\n')
"""

from __future__ import annotations

import codecs
import locale
from dataclasses import dataclass

from anima_prompt.errors import InputError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_FEWEST_ZEROS = 0.4
"""Share of zero bytes at even or odd places from which a file without a mark is taken for UTF-16."""

FALLBACK = "latin-1"
"""Reads any bytes and writes them back, although letters beyond ASCII may look wrong."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file, and what is needed to write it again.

    Attributes:
        text: without the byte-order mark; line ends as they are in the file.
        encoding: Python's name.
        mark: the byte-order mark, empty if the file has no mark.
        is_guessed: whether the file is neither UTF-8 nor UTF-16, so that the encoding is a guess.
    """

    text: str
    encoding: str = "utf-8"
    mark: bytes = b""
    is_guessed: bool = False

    def encode(self, text: str, name: str = "the caption") -> bytes:
        """Return a text as bytes of the same encoding, mark included.

        Raises:
            InputError: the encoding lacks a character of the text.
        """
        try:
            errors = "surrogatepass" if self.encoding.startswith("utf") else "strict"
            return self.mark + text.encode(self.encoding, errors)
        except UnicodeEncodeError as error:
            lacking = text[error.start]
            raise InputError(
                f"{name}: the file's encoding {self.encoding} has no {lacking!r}; save the file as UTF-8 first"
            ) from None

    @property
    def line_end(self) -> str:
        r"""The line end that most lines have; ``\n`` for a file of one line."""
        crlf = self.text.count("\r\n")
        lone_cr, lone_lf = self.text.count("\r") - crlf, self.text.count("\n") - crlf
        if crlf >= max(lone_cr, lone_lf, 1):
            return "\r\n"
        return "\r" if lone_cr > lone_lf else "\n"


def decode(data: bytes, *, encoding: str | None = None) -> Decoded:
    """Return the text of a file's bytes. Every result encodes to the same bytes again.

    Args:
        encoding: what to read a file as that is neither UTF-8 nor marked; the locale's by default.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            found = _exact(data[len(mark) :], name, mark)
            if found is not None:
                return found
    text = _utf8(data)
    zeros = _zeros(data) if b"\0" in data else ""
    if text is not None and not zeros:
        return Decoded(text)
    if zeros:
        found = _exact(data, zeros, b"")
        if found is not None:
            return found
    if text is not None:
        return Decoded(text)
    for candidate in (encoding, _locale()):
        found = _exact(data, candidate, b"") if candidate else None
        if found is not None:
            return Decoded(found.text, found.encoding, b"", is_guessed=True)
    return Decoded(data.decode(FALLBACK), FALLBACK, b"", is_guessed=True)


def _utf8(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _exact(data: bytes, name: str, mark: bytes) -> Decoded | None:
    """Return the decoded bytes, or None if they are not in that encoding or would not come back."""
    try:
        text = data.decode(name)
        return Decoded(text, name, mark) if text.encode(name) == data else None
    except (UnicodeError, LookupError):
        return None


def _zeros(data: bytes) -> str:
    """Return the UTF-16 encoding that the zero bytes of a file without a mark indicate, or an empty text."""
    if len(data) % 2:
        return ""
    half = len(data) // 2
    if data[1::2].count(0) >= half * _FEWEST_ZEROS and not data[::2].count(0):
        return "utf-16-le"
    return "utf-16-be" if data[::2].count(0) >= half * _FEWEST_ZEROS and not data[1::2].count(0) else ""


def _locale() -> str:
    """Return the encoding of the user's locale, empty if it is UTF-8, in which the file is not."""
    name = locale.getpreferredencoding(do_setlocale=False)
    try:
        return "" if codecs.lookup(name).name in ("utf-8", "ascii") else name
    except LookupError:
        return ""
