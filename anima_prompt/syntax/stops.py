"""Which full stops close something, and which belong to a word or a name.

Knows abbreviations, initials, acronyms and numbers; decides by the words before and after the stop.
"""

from __future__ import annotations

import re

from anima_prompt.syntax.grammar import ARTICLES, CONJUNCTIONS, FUNCTION_WORDS, PREPOSITIONS, PRONOUNS

_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"“@])(?:dr|mr|mrs|ms|mx|st|mt|ft|jr|sr|vs|vol|no|prof|capt|gen|sgt|rev|ver|feat|approx|op|apt|fes|calc|bros"
    r"|corp|inc|ltd|etc|[^\W\d_](?:\.[^\W\d_])*|\w+-[^\W\d_](?:\.[^\W\d_])+)\.$",
    re.IGNORECASE,
)
_UNPRONOUNCEABLE = re.compile(r"(?:^|[\s(\"“@])(?P<word>[b-df-hj-np-tv-xzB-DF-HJ-NP-TV-XZ]{2,4})\.$")
_WORDS_WITHOUT_VOWELS = frozenset(
    "tv cg cd dvd pc hd hdr sd vr pvc lcd bw rgb jk js mv cm km mm kg hq nsfw sfw hmm".split()
)
_NEXT = re.compile(r"\s*(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)?)?")
_OPENERS = ARTICLES | PRONOUNS | PREPOSITIONS | CONJUNCTIONS
_QUALIFIER = re.compile(r"\s*\\\(")
_NUMBER = re.compile(r"\s+\d+(?=\s*(?:[,，、)\n]|\\\)|\.?$))")
_REACH = 16
"""Characters that an abbreviation may have, the sign before it included."""
_NAME_REACH = 60


def is_abbreviation(text: str, stop: int) -> bool:
    """Return whether the full stop at ``stop - 1`` belongs to a word, as in ``dr.``, ``e.g.`` and initials.

    >>> is_abbreviation("monkey d. luffy", 9), is_abbreviation("highres, safe.", 14)
    (True, False)
    """
    return _ABBREVIATION.search(text, max(0, stop - _REACH), stop) is not None


def closes(text: str, stop: int, end: int) -> bool:
    r"""Return whether the full stop at ``stop - 1``, with whitespace after it, closes a sentence or a run of tags.

    It does not after an abbreviation, before a qualifier (``ren. \(ren.ko\)``) or a number (``bros. 3``), nor
    inside a qualifier. A capitalized function word begins a sentence, regardless of the text before it.

    >>> [closes(t, t.index(". ") + 1, len(t)) for t in ("mt. fuji", "safe. smile", "the U.S. The flag", "bros. 3")]
    [False, True, True, False]
    """
    following = _NEXT.match(text, stop, end)
    word = following["word"] if following else None
    if word and word[0].isupper() and word.lower() in _OPENERS:
        return True
    if _QUALIFIER.match(text, stop, end) or _NUMBER.match(text, stop, end) or _in_qualifier(text, stop):
        return False
    if is_abbreviation(text, stop):
        return False
    odd = _UNPRONOUNCEABLE.search(text, max(0, stop - _REACH), stop)
    if odd is None or word is None or odd["word"].isupper() or odd["word"].lower() in _WORDS_WITHOUT_VOWELS:
        return True
    return word.lower() in FUNCTION_WORDS or (word[0].isupper() and odd["word"].islower())


def _in_qualifier(text: str, stop: int) -> bool:
    r"""Return whether the stop is between escaped parentheses: ``wa2000 \(op. manta ray\)``."""
    start = max(0, stop - _NAME_REACH)
    opened = text.rfind("\\(", start, stop)
    return opened >= 0 and text.find(")", opened, stop) < 0 and text.find("\\)", stop, stop + _NAME_REACH) >= 0
