"""Reject lone surrogates: cut escapes, and bytes that are not UTF-8."""

from __future__ import annotations

import re

from anima_prompt.errors import InputError

_SURROGATE = re.compile("[\ud800-\udfff]")


def has_surrogate(text: str) -> bool:
    r"""Return whether the text contains a lone surrogate.

    >>> has_surrogate("caf\u00e9"), has_surrogate("\ud83d")
    (False, True)
    """
    return not text.isascii() and _SURROGATE.search(text) is not None


def reject_surrogates(text: str, name: str) -> None:
    r"""Raise if the text contains a lone surrogate.

    Args:
        name: name of the text in the message.

    Raises:
        InputError: the text contains half a surrogate pair, or a byte that is not UTF-8.
    """
    match = None if text.isascii() else _SURROGATE.search(text)
    if match is None:
        return
    code, place = ord(match[0]), match.start() + 1
    if 0xDC80 <= code <= 0xDCFF:  # as Python hands over bytes of the command line
        raise InputError(f"{name}: is not UTF-8 (byte 0x{code - 0xDC00:02x} at character {place}); convert it to UTF-8")
    raise InputError(f"{name}: contains half a surrogate pair at character {place}; write the character itself")
