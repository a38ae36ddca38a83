"""Cut a level of a text at the marks that end sentences, and note the commas between.

Every place is looked at once per line at most, so that the search stays linear however often a unit asks. Knows where
a sentence may end; knows nothing of what makes one.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

from anima_prompt.syntax.grammar import ARTICLES, CONJUNCTIONS, PREPOSITIONS, has_predicate, words_of
from anima_prompt.syntax.stops import closes

MOST_LINES = 8
"""Lines that one sentence may be wrapped over."""
_WRAPPED = 30
"""Characters of a line that is long enough to have been wrapped."""
_REACH = 400
"""Characters before a line end that are read for words of grammar."""
_GOING_ON = ARTICLES | CONJUNCTIONS | PREPOSITIONS | {"her", "his", "their", "its", "is", "are"}

_BOUNDARY = re.compile(
    r"""
      (?P<skip>\$\{|[("“「\[{<])
    | (?P<comma>[,，、])
    | (?P<newline>\n)
    | (?P<keyword>(?<!\S)(?:BREAK|COUPLE|ADDCOMM|ADDROW|ADDCOL|ADDBASE)(?=\s|,|$))
    | (?P<end>(?<![.!?…])(?:[.!?…]+["”’]*(?=\s|\)|<|$)|\.(?=,))|[。！？]+[」』”"]*)
    """,
    re.VERBOSE,
)
_ENDS_LIKE_SENTENCE = re.compile(r"[.!?…][\"”’]$")
_PAUSE = re.compile(r"(?:\.\.+|…+)[\"”’]*")
_LOWER_BEHIND = re.compile(r"[^\S\n]+[a-z]")
_HARD_TAG = re.compile(
    r"\s*(?:[@<]|__|\\|\d+\+?(?:girl|boy|other)s?\b|score_\d|[^\s,，、_]{1,80}_[^\s,，、]*(?=\s*(?:[,，、]|$)))",
    re.IGNORECASE,
)
_LINE_START = re.compile(r"[^\S\n]*\n[^\S\n]*[a-z]")
_QUALIFIER_BEHIND = re.compile(r"\s*\\\(")
_NOTHING = re.compile(r"\s*\Z")


@dataclass(slots=True)
class ProseSegment:
    """Text up to the next mark that ends a sentence, or up to the end of the line where none comes.

    Attributes:
        text: what the places count in.
        start, end: span, without white space at the end.
        commas: places of the commas inside, in order.
        closed: whether a sentence mark ends it.
    """

    text: str
    start: int
    end: int
    commas: tuple[int, ...]
    closed: bool
    _hard: int = -1
    _unseen: int = 0

    def from_place(self, start: int) -> Stretch:
        """Return what is left of the segment from ``start`` on, up to the first tag that no sentence can hold."""
        first = bisect_left(self.commas, start)
        last = self._first_hard(first)
        if last == len(self.commas):
            return Stretch(start, self.end, self.commas, first, last, closed=self.closed)
        return Stretch(start, self.commas[last], self.commas, first, last, closed=False)

    def _first_hard(self, first: int) -> int:
        """Return the number of the first comma from ``first`` on that such a tag stands behind; each is seen once."""
        if self._hard < first:
            place = max(first, self._unseen)
            while place < len(self.commas) and not _HARD_TAG.match(self.text, self.commas[place] + 1, self.end):
                place += 1
            self._hard, self._unseen = place, place + 1
        return self._hard


@dataclass(frozen=True, slots=True)
class Stretch:
    """A possible sentence. Its commas are ``commas[first:last]``."""

    start: int
    end: int
    commas: tuple[int, ...]
    first: int
    last: int
    closed: bool

    @property
    def pieces(self) -> int:
        """How many pieces the commas make."""
        return self.last - self.first + 1

    def piece(self, number: int) -> tuple[int, int]:
        """Return the span between two commas, white space and all."""
        start = self.start if number == 0 else self.commas[self.first + number - 1] + 1
        end = self.end if number == self.pieces - 1 else self.commas[self.first + number]
        return start, end


class ProseSegments:
    """The segments of one level, each found once."""

    def __init__(self, text: str, end: int, spans: Mapping[int, int]) -> None:
        """Hold the level that ends at ``end``; ``spans`` are the pieces that no sentence may end inside."""
        self.text = text
        self.end = end
        self.spans = spans
        self._last = ProseSegment(text, 0, -1, (), closed=False)

    def at(self, start: int) -> ProseSegment:
        """Return the segment that ``start`` stands in."""
        if not self._last.start <= start < self._last.end:
            self._last = self._scanned(start, lines=1)
        return self._last

    def wrapped(self, start: int) -> ProseSegment | None:
        """Return the segment from ``start`` on that goes over line ends and is closed, if there is one."""
        line = self.at(start)
        if line.closed or not self._goes_on(start, start, line.end):
            return None
        wrapped = self._scanned(start, lines=MOST_LINES)
        return wrapped if wrapped.closed else None

    def _scanned(self, start: int, *, lines: int) -> ProseSegment:
        text, end = self.text, self.end
        commas: list[int] = []
        position = line = start
        stop, closed = -1, False
        while stop < 0:
            match = _BOUNDARY.search(text, position, end)
            if match is None:
                stop = end
                break
            position = match.end()
            kind = match.lastgroup
            if kind == "skip":
                position = min(self.spans.get(match.start(), position), end)
                if self._quote_closes(match.start(), position):
                    stop, closed = position, True
            elif kind == "comma":
                commas.append(match.start())
            elif kind == "newline":
                lines -= 1
                if not lines or not self._goes_on(start, line, match.start()):
                    stop = match.start()
                line = match.end()
            elif kind == "keyword":
                stop = match.start()
            elif self._ends(match.group(), position):
                stop, closed = position, True
        return ProseSegment(text, start, _rstrip(text, start, stop), tuple(commas), closed)

    def _ends(self, mark: str, stop: int) -> bool:
        text, end = self.text, self.end
        if mark == ".":
            reach = stop if text[stop : stop + 1] == "," else end
            return (reach == end and _NOTHING.match(text, stop, end) is not None) or closes(text, stop, reach)
        if _QUALIFIER_BEHIND.match(text, stop, end):
            return False
        return not (_PAUSE.fullmatch(mark) and _LOWER_BEHIND.match(text, stop, end))

    def _goes_on(self, start: int, line: int, end: int) -> bool:
        """Say whether the line that ends at ``end`` was wrapped, so that its sentence goes on behind it."""
        text = self.text
        stop = _rstrip(text, line, end)
        if not _LINE_START.match(text, stop, self.end) or text[stop - 1 : stop] in ":;.!?…":
            return False
        words = words_of(text[max(start, stop - _REACH) : stop])
        if not words:
            return False
        if words[-1] in _GOING_ON:
            return True
        if stop - line < _WRAPPED and text[stop - 1] != ",":
            return False
        return text[start].isupper() and (has_predicate(words) or not ARTICLES.isdisjoint(words))

    def _quote_closes(self, start: int, stop: int) -> bool:
        """A quotation that ends with a sentence mark ends its sentence when a capital or nothing follows."""
        text, end = self.text, self.end
        if not _ENDS_LIKE_SENTENCE.search(text, max(start, stop - 2), stop):
            return False
        rest = text[stop : min(end, stop + 3)].lstrip()
        return stop >= end or not rest or (text[stop].isspace() and rest[0].isupper())


def _rstrip(text: str, start: int, end: int) -> int:
    """Return where the text ends without its white space."""
    while end > start and text[end - 1].isspace():
        end -= 1
    return end
