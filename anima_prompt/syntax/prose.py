"""Where tags end and natural language begins.

Decides by grammar, so that it works without a vocabulary: sentences have finite verbs, pronouns, articles, a capital
and a closing mark; tags have none or few of them; a position clause has a header. A caller with a vocabulary vetoes
known names (``dr. stone``, ``the legend of zelda``) and settles lists that are capitalized like a sentence.

Knows nothing of nodes; works on spans and on a map of the pieces (quotes, groups) that no sentence may end inside.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping

from anima_prompt.syntax.grammar import (
    ARTICLES,
    CONJUNCTIONS,
    FUNCTION_WORDS,
    NOUNS_TOO,
    OUTSIDE,
    PLURAL_VERBS,
    PROMPT_WORD,
    PRONOUNS,
    QUALIFIER,
    QUALITY,
    WORD,
    has_predicate,
    is_title,
    words_of,
)
from anima_prompt.syntax.headers import BULLET, Header, clause_behind, header_at
from anima_prompt.syntax.segments import ProseSegments, Stretch
from anima_prompt.syntax.stops import closes, is_abbreviation

__all__ = ["FUNCTION_WORDS", "ProseReader", "closes", "is_abbreviation"]

MOST_COMMAS = 10
"""A lower-case run with more commas before its full stop is a list; the bound also keeps the search linear."""
LONGEST_NAME = 200
"""Characters of the longest text that a vocabulary is asked about."""

_BLANK = re.compile(r"[^\S\n]*")
_NEXT_LINE = re.compile(r"\n\s*(?=[^\s\[<#{_@])")
_UNIT = re.compile(r"\s*(?P<unit>[^,，、\n]{1,80})")
_WHOLE_UNIT = re.compile(rf"[^,，、\n]{{1,{LONGEST_NAME}}}(?=[,，、\n]|$)")
_PIECE_SIGNS = "{<_$*-"

Known = Callable[[str], bool]


class ProseReader:
    """Finds the sentences of one level of a text."""

    def __init__(self, text: str, end: int, spans: Mapping[int, int], known: Known | None) -> None:
        """Keep the level that ends at ``end``; ``spans`` are the pieces taken whole, ``known`` asks a vocabulary."""
        self.text = text
        self.end = end
        self.spans = spans
        self.known = known
        self.segments = ProseSegments(text, end, spans)

    def sentence_end(
        self, start: int, *, fresh: bool, follows: bool = False, alone: bool = False, named: bool = False
    ) -> int | None:
        """Return where the sentence or position clause that starts at ``start`` ends, or None if none starts there.

        Args:
            start: first character of a unit, no whitespace.
            fresh: whether the unit opens the text, a line or a group, or follows a sentence or full stop.
            follows: whether a sentence comes directly before.
            alone: whether the piece at the start is a separate unit, so that only a header may begin with it.
            named: whether a known name ends at the first comma, so that only the text after it can make it prose.

        >>> def ends(text): return ProseReader(text, len(text), {}, None).sentence_end(0, fresh=True)
        >>> [ends(text) for text in ("She runs. smile", "Night. smile", "Left: hat, coat. smile", "on back, smile")]
        [9, 6, 16, None]
        """
        if not follows and self._is_surely_tag(start):
            return None
        header = None if named else header_at(self.text, start, self.end, self.spans, fresh=fresh)
        if header is not None:
            stop = self._clause_end(start, header)
            if stop is not None:
                return stop
        if alone:
            return None
        inside = None if named else clause_behind(self.text, start, self.end)
        if inside is not None and (stop := self.sentence_end(inside, fresh=False)) is not None:
            return stop
        stretch = self._stretch(start, fresh=fresh)
        if stretch.end <= start:
            return None
        if stretch.closed and self._is_sentence(stretch, fresh=fresh, follows=follows):
            return stretch.end
        if named or (stretch.closed and stretch.pieces == 1):
            return None
        return self._open_end(stretch, fresh=fresh, follows=follows)

    def _is_surely_tag(self, start: int) -> bool:
        """Return quickly whether a unit is lower case without function words, colons or pieces that hide a comma."""
        match = None if self.text[start].isupper() else _WHOLE_UNIT.match(self.text, start, self.end)
        body = match.group() if match else ""
        if not body.islower() or not body.isascii() or ":" in body or '"' in body or body[0] in _PIECE_SIGNS:
            return False
        return body.count("(") == body.count("\\(") and FUNCTION_WORDS.isdisjoint(WORD.findall(body))

    def _stretch(self, start: int, *, fresh: bool) -> Stretch:
        """Return the text that may be a sentence: over line ends, where that makes one."""
        bullet = BULLET.match(self.text, start, self.end) if fresh else None
        start = bullet.end() if bullet else start
        if fresh:
            wrapped = self.segments.wrapped(start)
            whole = wrapped.from_place(start) if wrapped is not None else None
            if whole is not None and whole.closed and self._is_sentence(whole, fresh=True, follows=False):
                return whole
        return self.segments.at(start).from_place(start)

    # --- position clauses --------------------------------------------------------------------------------------------

    def _clause_end(self, start: int, header: Header) -> int | None:
        """Return the end of the clause after a header: a full stop, the next header, or the end of the line."""
        blank = _BLANK.match(self.text, header.end, self.end)
        inside = blank.end() if blank else header.end
        if inside >= self.end or self.text[inside] == "\n":
            alone = _rstrip(self.text, start, header.end)
            stop = self._lines_end(inside, alone) if header.opens_lines else alone
            return None if stop == alone and self.text[stop - 1] in ",，、" else stop
        segment = self.segments.at(inside)
        if not segment.closed:
            segment = self.segments.wrapped(start) or segment
        if not header.certain:
            stretch = segment.from_place(inside)
            return stretch.end if stretch.closed else None
        for place in range(bisect_left(segment.commas, inside), len(segment.commas)):
            comma = segment.commas[place]
            if self._is_cut(comma, closed=segment.closed):
                return _rstrip(self.text, start, comma)
        return segment.end

    def _is_cut(self, comma: int, *, closed: bool) -> bool:
        """Return whether the clause ends in front of a comma: prompt words follow, or the next header does."""
        match = _UNIT.match(self.text, comma + 1, self.end)
        if match is None:
            return False
        words = QUALITY if closed else OUTSIDE
        if words.fullmatch(match["unit"].rstrip(" .")):
            return True
        if closed:
            return False
        header = header_at(self.text, match.start("unit"), self.end, self.spans, fresh=True)
        return header is not None and header.certain

    def _lines_end(self, newline: int, alone: int) -> int:
        """Return where the lines end that describe a header which has a line of its own."""
        end = alone
        while newline < self.end:
            match = _NEXT_LINE.match(self.text, newline, self.end)
            if match is None:
                break
            start = match.end()
            bullet = BULLET.match(self.text, start, self.end)
            if end > alone and not bullet:
                break
            if not bullet and header_at(self.text, start, self.end, self.spans, fresh=True) is not None:
                break
            segment = self.segments.at(bullet.end() if bullet else start)
            if segment.from_place(start).closed != segment.closed or segment.end <= start:
                break
            end = newline = segment.end
            blank = _BLANK.match(self.text, newline, self.end)
            newline = blank.end() if blank else newline
        return end

    # --- sentences ---------------------------------------------------------------------------------------------------

    def _is_sentence(self, stretch: Stretch, *, fresh: bool, follows: bool) -> bool:
        """Judge a stretch that a sentence mark closes."""
        text = self.text
        start, end = stretch.start, stretch.end
        if text[end - 1] in "。！？」』":
            return any(char.isalnum() for char in text[start:end])
        if text[end : end + 1] == ",":
            words = words_of(text[start:end])
            return stretch.pieces == 1 and len(words) >= 3 and has_predicate(words)
        first = WORD.search(text, start, end)
        if first is None:
            return False
        upper = text[first.start()].isupper() or (follows and text[start].isdecimal() and stretch.pieces == 1)
        if not (fresh and upper) and self._is_known(text[start : end - 1]):
            return False
        if text[start] == "@" and not (fresh and _is_spoken(words_of(text[start:end]))):
            return False
        if not upper:
            qualified = not fresh and text[start : end - 1].endswith("\\)")
            return not qualified and self._is_closed_lower(stretch, follows=follows)
        if stretch.pieces == 1:
            return self._is_phrase(text[start:end], fresh=fresh)
        if fresh:
            return self._is_enumeration(stretch, follows=follows)
        return stretch.pieces <= MOST_COMMAS + 1 and self._is_late_sentence(stretch)

    def _is_phrase(self, body: str, *, fresh: bool) -> bool:
        """Judge a capitalized stretch without commas: at the start of a line anything but a prompt word."""
        words = WORD.findall(body)
        if not fresh:
            return (len(words) >= 3 and not is_title(words)) or (len(words) == 2 and has_predicate(words_of(body)))
        bare = body.strip(".!?…()[] ")
        return len(max(words, key=len)) > 1 and not PROMPT_WORD.fullmatch(bare) and (" " in bare or "_" not in bare)

    def _is_enumeration(self, stretch: Stretch, *, follows: bool) -> bool:
        """Distinguish a capitalized sentence with commas from a capitalized list of tags."""
        text = self.text
        pieces = [text[slice(*stretch.piece(n))].strip(" .!?\n") for n in range(stretch.pieces)]
        words = [WORD.findall(piece) for piece in pieces]
        spoken = [self._is_spoken_piece(piece) for piece in pieces]
        leads = spoken[0] and len(words[0]) >= 3 and not is_title(words[0])
        if any((OUTSIDE if leads else PROMPT_WORD).fullmatch(piece) for piece in pieces):
            return False
        if leads or sum(spoken) * 3 >= len(pieces):
            return True
        if all(part and part[0][0].isupper() for part in words):
            return False
        if follows:
            return True
        if self.known is not None:
            return sum(map(self._is_known, pieces)) * 2 < len(pieces)
        titled = any(len(part) > 1 and part[0][0].isupper() and is_title(part) for part in words)
        return not titled and len(pieces) <= 4 and sum(map(len, words)) >= 2 * len(pieces)

    def _is_late_sentence(self, stretch: Stretch) -> bool:
        """Judge a capitalized stretch with commas after tags."""
        words = WORD.findall(self.text, stretch.start, stretch.end)
        lowered = [word.lower() for word in words]
        if len(words) < 3 or is_title(words):
            return False
        first = words_of(self.text[slice(*stretch.piece(0))])
        share = sum(word in FUNCTION_WORDS for word in lowered) / len(words)
        return not FUNCTION_WORDS.isdisjoint(first) and (has_predicate(lowered) or share > 1 / 3)

    def _is_closed_lower(self, stretch: Stretch, *, follows: bool) -> bool:
        if stretch.pieces > MOST_COMMAS + 1:
            return False
        first = words_of(QUALIFIER.sub(" ", self.text[slice(*stretch.piece(0))]))
        if len(first) < 3:
            return False
        functions = sum(word in FUNCTION_WORDS for word in first)
        leads = first[0] in ARTICLES or first[0] in PRONOUNS
        has_verb = not PLURAL_VERBS.isdisjoint(first) or (follows and stretch.pieces == 1)
        spoken = has_predicate(first) or (has_verb and functions > 0 and len(first) >= 4)
        if not (spoken or leads or (functions >= 2 and len(first) >= 6)):
            return False
        if stretch.pieces == 1:
            return True
        last = words_of(self.text[slice(*stretch.piece(stretch.pieces - 1))])
        return not FUNCTION_WORDS.isdisjoint(last)

    # --- clauses that nothing closes ---------------------------------------------------------------------------------

    def _open_end(self, stretch: Stretch, *, fresh: bool, follows: bool) -> int | None:
        """Return the end of a clause without a sentence mark: after its last piece of prose."""
        text = self.text
        start, end = stretch.start, _rstrip(text, *stretch.piece(0))
        if text[start] == "@":
            return None
        words = WORD.findall(QUALIFIER.sub(" ", text[start:end]))
        if text[start:end].endswith("\\)") and text[start:end].islower():
            return None
        upper = fresh and bool(words) and words[0][0].isupper()
        ended = stretch.pieces == 1 and not stretch.closed and not text.startswith((",", "，", "、"), stretch.end)
        if upper and follows and ended and len(words) > 1:
            return end
        phrase = (
            upper and len(words) >= 4 and not ARTICLES.isdisjoint(words_of(text[start:end])) and not is_title(words)
        )
        if not phrase and not _is_open_clause(words, '"' in text[start:end]):
            return None
        for number in range(1, min(stretch.pieces, MOST_COMMAS + 1)):
            first, last = stretch.piece(number)
            piece = text[first:last].strip(" .!?\n")
            if PROMPT_WORD.fullmatch(piece) or not self._is_spoken_piece(piece):
                break
            end = _rstrip(text, start, last)
        return end

    def _is_spoken_piece(self, piece: str) -> bool:
        """Return whether a piece between commas is worded as only prose is."""
        words = words_of(piece)
        return len(words) > 1 and _is_spoken(words) and not self._is_known(piece)

    def _is_known(self, clause: str) -> bool:
        return self.known is not None and len(clause) <= LONGEST_NAME and self.known(clause)


def _is_spoken(lowered: list[str]) -> bool:
    if not ARTICLES.isdisjoint(lowered) or lowered[0] in CONJUNCTIONS:
        return True
    if has_predicate([word for word in lowered if word not in NOUNS_TOO]) or "her" in lowered:
        return True
    return len(lowered) >= 5 and not FUNCTION_WORDS.isdisjoint(lowered)


def _is_open_clause(words: list[str], quotes: bool) -> bool:  # noqa: FBT001  a fact about the words
    """Judge a clause that no sentence mark closes; it has to be surer of itself."""
    lowered = [word.lower() for word in words]
    if len(words) < 4:
        return quotes and len(words) >= 3 and has_predicate(lowered)
    functions = sum(word in FUNCTION_WORDS for word in lowered)
    if not words[0][0].isupper():
        indefinite = lowered[0] in ("a", "an") and len(words) >= 5 and functions >= 2
        return indefinite or has_predicate([word for word in lowered if word not in NOUNS_TOO])
    if is_title(words):
        return False
    return has_predicate(lowered) or functions >= 3 or (functions >= 2 and len(words) >= 6)


def _rstrip(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1].isspace():
        end -= 1
    return end
