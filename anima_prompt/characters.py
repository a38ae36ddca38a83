"""What no text may hold: halves of surrogate pairs, from escapes that were cut and from bytes that are not UTF-8."""

from __future__ import annotations

import re

from anima_prompt.errors import InputError

_HALF = re.compile("[\ud800-\udfff]")


def is_text(text: str) -> bool:
    r"""Say whether a text is made of characters.

    >>> is_text("caf\u00e9"), is_text("\ud83d")
    (True, False)
    """
    return text.isascii() or _HALF.search(text) is None


def check_characters(text: str, name: str) -> None:
    r"""Check that a text is made of characters.

    Args:
        name: how the message calls the text.

    Raises:
        InputError: it holds half a surrogate pair, or a byte that Python could not decode.
    """
    found = None if text.isascii() else _HALF.search(text)
    if found is None:
        return
    code, place = ord(found[0]), found.start() + 1
    if 0xDC80 <= code <= 0xDCFF:  # as Python hands over bytes of the command line
        raise InputError(f"{name}: is not UTF-8 (byte 0x{code - 0xDC00:02x} at character {place}); give it in UTF-8")
    raise InputError(f"{name}: holds half a surrogate pair at character {place}; write the character itself")
