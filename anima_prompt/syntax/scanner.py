"""Find the pieces of a text that are taken whole, and match its brackets, in one pass.

Knows where brackets, quotes, escapes, references and comments are; knows nothing of tags and sentences. Parentheses
match as the front ends match them: on their own, whatever square or curly brackets do in between.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from anima_prompt.dialects import Dialect

MAX_DEPTH = 48
"""Deepest nesting that becomes nodes; front ends read more, people do not. Deeper input is one malformed piece."""

_COMMENT = r"(?P<comment>(?m:^)[^\S\n]*(?:\#(?=[\s\#!]|[^\x00-\x7f]|$)|//(?=[^\S\n]|\w|$))[^\n]*)"
_EMBEDDING = r"""
    (?P<embedding>\bembedding:(?=\w)(?:[^\s,，、()\[\]{}<>|:;"\\.]|[.\\](?=\w))+
        (?::\d+(?:\.\d+)?(?!\w|\.\S|\s*\)))?)"""
_PIECES = r"""
    (?=[<>:;=\\_"“「$(\[{)\]}]) (?:
    (?P<emoticon>(?<![^\s,，、(])(?:[<>]?[:;=]['^-]?[()]|\\\(\^[^\W\d_]\^\)/)(?=\s*(?:[,，、]|[.。]?\s*\Z|$|:\s*[\d.]+\s*\))))
  | ESCAPE
  | (?P<reference><(?:lora|lyco|lycoris|hypernet):[^<>\n]*>)
  | (?P<directive><(?:[A-Za-z]\w*(?:\[[^\[\]<>\n]*\])?:|[A-Za-z]{2,}>(?!_)))
  | (?P<wildcard>__[A-Za-z0-9][\w./*-]*?__)
  | (?P<quote>(?<![^\s,，、(\[{:|\-\\])"[^"\n]*"|“[^“”\n]*”|「[^「」\n]*」)
  | (?P<unclosed>(?<![^\s,，、(\[{:|])["“])
  | (?P<open>\$\{|[(\[{])
  | (?P<close>[)\]}]) )
"""
_ESCAPES = {True: r"(?P<escape>\\[()\[\]{}\\])", False: r"(?P<escape>\\[()\[\]{}])"}
_LITERAL_SCANNER = re.compile(r"(?P<comment>(?!))|(?P<quote>(?<![^\s,，、])\"[^\"\n]*\"|“[^“”\n]*”)")
_INTERESTING = re.compile(r"[()\[\]{}<\"“「#\\]|//|__|embedding:")
_ANGLE = re.compile(r"<[A-Za-z]\w*(?:\[[^\[\]<>\n]*\])?:|(?<![-=])(?:(?<![\s,])>|>(?![_:;=.]))|\n")
_OPENER = {")": "(", "]": "[", "}": "{"}


@dataclass(slots=True)
class Scan:
    """The pieces of a text.

    Attributes:
        atoms: start of a piece taken whole -> (end, kind).
        closers: opening bracket -> its closing bracket, for every matched pair no deeper than ``MAX_DEPTH``.
        stray: unbalanced brackets.
        deep: opening bracket at the depth limit -> end of the region that is not looked into.
        spans: start -> end of everything that no sentence may end inside (atoms and matched pairs).
        places: where the atoms, pairs and stray brackets start, in order.
    """

    atoms: dict[int, tuple[int, str]] = field(default_factory=dict)
    closers: dict[int, int] = field(default_factory=dict)
    stray: set[int] = field(default_factory=set)
    deep: dict[int, int] = field(default_factory=dict)
    spans: dict[int, int] = field(default_factory=dict)
    places: list[int] = field(default_factory=list)

    def starts_in(self, start: int, end: int) -> list[int]:
        """Return the places from ``start`` up to but not including ``end``."""
        return self.places[bisect_left(self.places, start) : bisect_left(self.places, end)]


def scan(text: str, dialect: Dialect) -> Scan:
    """Return the pieces of ``text`` as ``dialect`` reads backslashes; ``plain`` has quotes only."""
    pieces = Scan()
    if not _INTERESTING.search(text):
        return pieces
    if dialect.reads_weights:
        scanner = _scanner(dialect.reads_brackets, "#" in text or "//" in text, "embedding:" in text)
    else:
        scanner = _LITERAL_SCANNER
    brackets: list[int] = []
    directives = _directives(text) if "<" in text and dialect.reads_weights else {}
    for match in _around(scanner, text, directives) if directives else scanner.finditer(text):
        kind, end = str(match.lastgroup), match.end()
        if kind in ("open", "close"):
            brackets.append(end - 1 if kind == "close" else match.start())
            continue
        start = end - len(match.group().lstrip()) if kind == "comment" else match.start()
        if kind == "directive":
            end = directives.get(start, end if text[end - 1] == ">" else start)
            if end == start:
                continue
        pieces.atoms[start] = (end, kind)
        pieces.spans[start] = end
    _match(text, brackets, pieces)
    pieces.places = sorted((*pieces.spans, *pieces.stray))
    return pieces


def _directives(text: str) -> dict[int, int]:
    """Return the spans of ``<name:…>``, nested ones too. An angle bracket that a face begins with closes none."""
    spans: dict[int, int] = {}
    opened: list[int] = []
    for match in _ANGLE.finditer(text):
        sign = match.group()
        if sign == "\n":
            opened.clear()
        elif sign != ">":
            opened.append(match.start())
        elif opened:
            spans[opened.pop()] = match.end()
    return spans


def _around(scanner: re.Pattern[str], text: str, directives: dict[int, int]) -> Iterator[re.Match[str]]:
    """Yield the pieces of a text, none from inside a directive."""
    match = scanner.search(text)
    while match:
        yield match
        directive = match.lastgroup == "directive"
        match = scanner.search(text, directives.get(match.start(), match.end()) if directive else match.end())


@cache
def _scanner(backslash: bool, comments: bool, embeddings: bool) -> re.Pattern[str]:  # noqa: FBT001  keys of a table
    """Return the pattern of the pieces that a text can contain; fewer alternatives make it several times as fast."""
    rare = [piece for wanted, piece in ((comments, _COMMENT), (embeddings, _EMBEDDING)) if wanted]
    return re.compile("|".join((*rare, _PIECES.replace("ESCAPE", _ESCAPES[backslash]))), re.VERBOSE)


def _match(text: str, brackets: list[int], pieces: Scan) -> None:
    pairs = _pairs(text, brackets)
    pieces.stray = {place for place in brackets if place not in pairs}
    ends: list[int] = []
    skip_to = -1
    for place in sorted(place for place, partner in pairs.items() if place < partner):
        if place < skip_to:
            continue
        while ends and ends[-1] <= place:
            ends.pop()
        close = pairs[place]
        pieces.spans[place] = close + 1
        if len(ends) >= MAX_DEPTH:
            pieces.deep[place] = skip_to = close + 1
            continue
        ends.append(close)
        pieces.closers[place] = close


def _pairs(text: str, brackets: list[int]) -> dict[int, int]:
    """Match brackets both ways. A ``)`` reaches past open ``[`` and ``{``; those become stray."""
    pairs: dict[int, int] = {}
    stack: list[int] = []
    rounds = 0
    for place in brackets:
        char = text[place]
        opener = _OPENER.get(char)
        if opener is None:
            stack.append(place)
            rounds += char == "("
            continue
        if opener == "(" and rounds:
            while text[stack[-1]] != "(":
                stack.pop()
            rounds -= 1
        elif not stack or text[stack[-1]].replace("$", "{") != opener:
            continue
        start = stack.pop()
        pairs[start], pairs[place] = place, start
    return pairs
