"""Where tags end and natural language begins.

Decides by grammar alone, so that it works without a vocabulary: sentences have finite verbs, pronouns, articles and a
closing mark; tags have none or few of them. A caller with a vocabulary vetoes known names first (``dr. stone``,
``the legend of zelda``). The words below are English grammar, not tags: the model reads English only.

Knows nothing of nodes; works on spans and on a map of the pieces (quotes, groups) that no sentence may end inside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

PRONOUNS = frozenset(
    "she he they we her his their them him its herself himself themselves there this these those who which".split()
)
FINITE_VERBS = frozenset(
    """
    is are was were has have had isn't aren't wears wear holds stands sits lies leans looks stares gazes smiles laughs
    grins walks runs jumps dances sings plays reads writes says speaks shouts whispers waves points reaches carries
    raises rests sleeps flies floats falls drifts glows shines fills covers surrounds hangs rises sets burns flows
    depicts shows features appears seems faces turns kneels crouches hugs kisses embraces eats drinks cooks
    watches sees shares gives takes makes does goes comes gets keeps lets puts opens closes crosses trembles circles
    break breaks reflects casts blows stretches spreads grows sways can will should must create generate draw
    """.split()
)
ARTICLES = frozenset(("a", "an", "the"))
NOUNS_TOO = frozenset(
    "waves stands falls turns burns faces features glows fills sets covers walks plays points flies holds shows "
    "break breaks hugs draw will can must her".split()
)
"""Words too common inside names (``wuthering waves``) to prove an unclosed lower-case clause."""
FUNCTION_WORDS = (
    PRONOUNS
    | FINITE_VERBS
    | ARTICLES
    | frozenset(
        """
        and or but while with without of on in at by from into onto over under behind beside between near through
        across along around against above below inside outside toward towards during as that where when for her
        like it i you
        """.split()
    )
)

MAX_COMMAS = 10
"""A run with more commas before its full stop is a list; the bound also keeps the search linear."""

_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
_BOUNDARY = re.compile(
    r"""
      (?P<skip>\$\{|[("“「\[{<])
    | (?P<comma>[,，、])
    | (?P<newline>\n)
    | (?P<end>(?<![.!?…])(?:[.!?…]+["”’]*(?=\s|\)|$)|\.(?=,))|[。！？]+[」』”"]*)
    """,
    re.VERBOSE,
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"“@])(?:dr|mr|mrs|ms|st|jr|sr|vs|vol|no|prof|ver|feat|etc|e\.g|i\.e|[^\W\d_](?:\.[^\W\d_])*)\.$",
    re.IGNORECASE,
)
_QUALIFIER = re.compile(r"\\?\([^()]*\)")
_ENDS_LIKE_SENTENCE = re.compile(r"[.!?…][\"”’]$")
_HARD_TAG = re.compile(
    r"\s*(?:[@<]|__|\\|\d+\+?(?:girl|boy|other)s?\b|score_\d|[^\s,_]+_[^\s,]*(?=\s*(?:,|$)))", re.IGNORECASE
)


class Clauses(NamedTuple):
    """A possible sentence: ``commas`` inside it and where it ends. ``closed`` if a sentence mark ends it."""

    start: int
    end: int
    commas: tuple[int, ...]
    closed: bool


def is_abbreviation(text: str, stop: int) -> bool:
    """Say whether the full stop at ``stop - 1`` belongs to a word, as in ``dr.``, ``e.g.`` and initials.

    >>> is_abbreviation("monkey d. luffy", 9), is_abbreviation("highres, safe.", 14)
    (True, False)
    """
    return _ABBREVIATION.search(text, max(0, stop - 12), stop) is not None


def sentence_end(text: str, start: int, end: int, pieces: Mapping[int, int]) -> int | None:
    """Return where the sentence that starts at ``start`` ends, or None if no sentence starts there.

    Args:
        start: first character of a unit, no white space.
        end: how far the enclosing level reaches.
        pieces: start and end of every piece that is taken whole: quotes, groups, references.

    >>> text = "She runs. smile"
    >>> sentence_end(text, 0, len(text), {})
    9
    >>> sentence_end("looking at viewer, smile", 0, 24, {}) is None
    True
    """
    clauses = _clauses(text, start, end, pieces)
    if clauses.end <= start:
        return None
    upper = _starts_upper(text, start, clauses.end)
    if clauses.closed and text[clauses.end - 1] in "。！？」』":
        return clauses.end
    if clauses.closed and text[clauses.end : clauses.end + 1] == ",":
        words = _words(text, start, clauses.end)
        if not clauses.commas:
            return clauses.end if len(words) >= 3 and _has_predicate(words) else None
    elif clauses.closed:
        whole = _closed_upper(text, clauses) if upper else _closed_lower(text, clauses)
        if whole:
            return clauses.end
    first_end = _rstrip(text, start, clauses.commas[0]) if clauses.commas else clauses.end
    if clauses.closed and not clauses.commas:
        return None
    return first_end if _open_clause(text, start, first_end, upper=upper) else None


def _clauses(text: str, start: int, end: int, pieces: Mapping[int, int]) -> Clauses:
    commas: list[int] = []
    position = start
    while True:
        match = _BOUNDARY.search(text, position, end)
        if match is None:
            return Clauses(start, _rstrip(text, start, end), tuple(commas), closed=False)
        position = match.end()
        if match.lastgroup == "skip":
            position = min(pieces.get(match.start(), position), end)
            if _quote_closes(text, match.start(), position, end):
                return Clauses(start, position, tuple(commas), closed=True)
        elif match.lastgroup == "newline":
            return Clauses(start, _rstrip(text, start, match.start()), tuple(commas), closed=False)
        elif match.lastgroup == "comma":
            commas.append(match.start())
            if len(commas) > MAX_COMMAS or _HARD_TAG.match(text, match.end(), end):
                return Clauses(start, match.start(), tuple(commas), closed=False)
        elif not (match.group() == "." and is_abbreviation(text, match.end())):
            return Clauses(start, match.end(), tuple(commas), closed=True)


def _quote_closes(text: str, start: int, stop: int, end: int) -> bool:
    """A quotation that ends with a sentence mark ends its sentence when a capital or nothing follows."""
    if not _ENDS_LIKE_SENTENCE.search(text, max(start, stop - 2), stop):
        return False
    rest = text[stop : min(end, stop + 3)].lstrip()
    return stop >= end or not rest or (text[stop].isspace() and rest[0].isupper())


def _rstrip(text: str, start: int, end: int) -> int:
    return start + len(text[start:end].rstrip())


def _starts_upper(text: str, start: int, end: int) -> bool:
    match = _WORD.search(text, start, end)
    return match is not None and match.group()[0].isupper()


def _closed_upper(text: str, clauses: Clauses) -> bool:
    words = _WORD.findall(text, clauses.start, clauses.end)
    lowered = [word.lower() for word in words]
    strong = _has_predicate(lowered)
    if len(words) < 3:
        return strong and len(words) == 2 and not clauses.commas
    if _is_title(words):
        return False
    if not clauses.commas:
        return True
    first = _words(text, clauses.start, clauses.commas[0])
    share = sum(word in FUNCTION_WORDS for word in lowered) / len(words)
    return not FUNCTION_WORDS.isdisjoint(first) and (strong or share > 1 / 3)


def _closed_lower(text: str, clauses: Clauses) -> bool:
    first_end = clauses.commas[0] if clauses.commas else clauses.end
    first = _words(text, clauses.start, first_end)
    if len(first) < 3:
        return False
    functions = sum(word in FUNCTION_WORDS for word in first)
    leads = first[0] in ARTICLES or first[0] in PRONOUNS
    if not (_has_predicate(first) or leads or (functions >= 2 and len(first) >= 6)):
        return False
    if not clauses.commas:
        return True
    last = _words(text, clauses.commas[-1], clauses.end)
    return not FUNCTION_WORDS.isdisjoint(last)


def _open_clause(text: str, start: int, end: int, *, upper: bool) -> bool:
    """Judge a clause that no sentence mark closes; it has to be surer of itself."""
    words = _WORD.findall(_QUALIFIER.sub(" ", text[start:end]))
    lowered = [word.lower() for word in words]
    if len(words) < 4:
        return '"' in text[start:end] and len(words) >= 3 and _has_predicate(lowered)
    functions = sum(word in FUNCTION_WORDS for word in lowered)
    if not upper:
        indefinite = lowered[0] in ("a", "an") and len(words) >= 5 and functions >= 2
        return indefinite or _has_predicate([word for word in lowered if word not in NOUNS_TOO])
    if _is_title(words):
        return False
    return _has_predicate(lowered) or functions >= 3 or (functions >= 2 and len(words) >= 6)


def _words(text: str, start: int, end: int) -> list[str]:
    return _WORD.findall(text[start:end].lower())


def _has_predicate(lowered: list[str]) -> bool:
    return not (FINITE_VERBS.isdisjoint(lowered) and PRONOUNS.isdisjoint(lowered))


def _is_title(words: list[str]) -> bool:
    """All content words capitalised: ``The Legend of Zelda``."""
    return all(word[0].isupper() or word in FUNCTION_WORDS for word in words) and not _has_predicate(
        [word for word in words if word[0].islower()]
    )
