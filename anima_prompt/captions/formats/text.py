"""Text files: ``.txt``, ``.caption``; one caption, or one a line."""

from __future__ import annotations

import re

from anima_prompt.captions.encoding import Decoded
from anima_prompt.captions.formats.entry import CaptionEntry, EntryKind, Part
from anima_prompt.captions.formats.values import plain_text

_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|$)")


def read(decoded: Decoded, name: str = "", *, lines: bool = False) -> list[CaptionEntry]:
    r"""Return the caption of a file; with ``lines`` one caption for every line that is not empty.

    >>> [(entry.key, entry.text) for entry in read(Decoded("1girl\n\na girl\n"), lines=True)]
    [('line 1', '1girl'), ('line 3', 'a girl')]
    """
    del name
    raw = decoded.text
    if not lines:
        text = plain_text(raw)
        end = len(raw.rstrip("\r\n"))
        return [CaptionEntry("", text, 1, (Part(0, end, text, EntryKind.TEXT),))]
    entries: list[CaptionEntry] = []
    for number, match in enumerate(_LINE.finditer(raw), start=1):
        if match[1].strip():
            part = Part(match.start(), match.end(1), match[1], EntryKind.TEXT)
            entries.append(CaptionEntry(f"line {number}", match[1], number, (part,), index=len(entries)))
    return entries
