"""Position clauses: ``On the left, akita neru, yellow eyes.`` A clause is one piece; the full stop ends it.

The parser keeps a clause together as a sentence, so that sorting and shuffling never tear it. This module finds its
tags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADER = re.compile(
    r"\s*(?:on|in|at|to) the (?:far )?(?:(?:top|upper|bottom|lower|middle|cent(?:er|re))[ -]?)?"
    r"(?:left|right|middle|cent(?:er|re)|top|bottom|background|foreground)(?: (?:side|corner|half))?"
    r"(?: of the (?:image|picture))?\s*,\s*",
    re.IGNORECASE,
)
_TAG = re.compile(r"[^,]+")


@dataclass(frozen=True, slots=True)
class Clause:
    """A position clause: the end of its header, and start and end of each tag."""

    header: int
    tags: tuple[tuple[int, int], ...]


def read_clause(text: str) -> Clause | None:
    """Return the header and the tags of a position clause; None for any other sentence.

    >>> read_clause("On the left, akita neru, yellow eyes.")
    Clause(header=13, tags=((13, 23), (25, 36)))
    >>> read_clause("She stands on the left, smiling.")
    """
    match = _HEADER.match(text)
    if match is None:
        return None
    end = len(text.rstrip(" .\n"))
    tags = []
    for found in _TAG.finditer(text, match.end(), end):
        raw = found[0]
        start = found.start() + len(raw) - len(raw.lstrip())
        stop = found.end() - len(raw) + len(raw.rstrip())
        if start < stop:
            tags.append((start, stop))
    return Clause(match.end(), tuple(tags))


def without_tags(text: str, clause: Clause, places: set[int]) -> str:
    """Return a clause without some of its tags; empty if none is left.

    >>> text = "On the left, akita neru, yellow eyes."
    >>> without_tags(text, read_clause(text), {1}), without_tags(text, read_clause(text), {0, 1})
    ('On the left, akita neru.', '')
    """
    kept = [span for place, span in enumerate(clause.tags) if place not in places]
    if not kept:
        return ""
    if not places:
        return text
    last = clause.tags[-1][1]
    return text[: clause.header] + ", ".join(text[start:end] for start, end in kept) + text[last:]
