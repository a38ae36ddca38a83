r"""Show control characters as escapes: no prompt may move a terminal's cursor, or color or reorder its text.

Covers C0 and C1 control characters, DEL, line and paragraph separators, bidirectional controls and lone surrogates.
"""

from __future__ import annotations

import json
import re
from typing import Any

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that change the direction in which text is shown."""

_CONTROL = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{BIDI}\ud800-\udfff]")
_JSON_CONTROL = re.compile(f"[\x7f-\x9f\u2028\u2029{BIDI}\ud800-\udfff]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str, *, keep: str = "") -> str:
    r"""Return the text with control characters as escapes.

    Args:
        keep: characters that stay, such as line feeds.

    >>> print(visible("red\x1b[31m, \u202etxt\n"), visible("a\nb", keep="\n") == "a\nb")
    red\x1b[31m, \u202etxt\n True
    """
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub(lambda match: match[0] if match[0] in keep else escape(match[0]), text)


def escape(character: str) -> str:
    r"""Return one character as an escape.

    >>> print(escape("\x1b"), escape("\u202e"), escape("\n"), escape("\U000e0041"))
    \x1b \u202e \n \U000e0041
    """
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def dump_json(data: Any, *, indent: int | None = None) -> str:
    r"""Return JSON with every control character as an escape; other characters stay readable.

    >>> print(dump_json(["\x1b caf\u00e9 \x9b\u202e"]))
    ["\u001b café \u009b\u202e"]
    """
    text = json.dumps(data, ensure_ascii=False, indent=indent)
    return _JSON_CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
