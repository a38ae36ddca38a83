"""How words and names are spelled: slips of a letter, other gaps, other numbers, the spellings of other countries.

Knows letters, and which words are known; knows no tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

from anima_prompt.vocabulary.live_names import is_word

MIN_LETTERS = 4
"""A shorter word is no slip: too many names are one letter away."""

MIN_LETTERS_ALONE = 6
"""The same for a name of one word, where nothing beside it tells what is meant."""

MIN_LETTERS_OF_PART = 3
"""The least part of a word that a space is put into or taken out of."""

LONG_WORD = 8
"""From this length on, a word beside known ones may be two edits off; alone, from two letters more."""

_MOST_GAPS = 5

_WORDS = re.compile(r"[^_\-]+")

_SPELLINGS = tuple(
    pair.split("/")
    for pair in """
    our/or grey/gray ise/ize isi/izi yse/yze tre/ter ogue/og lled/led lling/ling llery/lry ence/ense
    pyjama/pajama moustache/mustache mould/mold tyre/tire plough/plow aeroplane/airplane aluminium/aluminum
    """.split()
)
"""British and American spellings; a word is spelled the other way, whichever it has."""


def words_of(name: str) -> list[str]:
    """Return the words of a name.

    >>> words_of("two-tone_hair")
    ['two', 'tone', 'hair']
    """
    return _WORDS.findall(name)


def word_edits(word: str, other: str, *, alone: bool, named: bool = False) -> int:
    """Return in how many letters a word is a slip of another, 0 if it is none.

    Args:
        word: what was written, no word that anybody knows.
        other: what may be meant.
        alone: whether nothing beside the word tells what is meant.
        named: whether ``other`` is part of a person's or a series' name, which differ by a letter more often.

    >>> word_edits("veiwer", "viewer", alone=False), word_edits("sleev", "sleeves", alone=False)
    (1, 2)
    >>> word_edits("drago", "dragon", alone=True), word_edits("mikku", "miku", alone=True, named=True)
    (0, 0)
    """
    from rapidfuzz.distance import OSA

    edits = int(OSA.distance(word, other, score_cutoff=2))
    if edits == 1:
        least = MIN_LETTERS_ALONE if alone else MIN_LETTERS + named
        if len(word) < least and not (_is_swap(word, other) and len(word) > MIN_LETTERS):
            return 0
        is_long = len(word) >= (LONG_WORD if alone else MIN_LETTERS + 2 * named)
        return int(word[0] == other[0] or is_long or _is_swap(word, other))
    least = LONG_WORD + 2 * alone + 2 * named
    if edits != 2 or word[0] != other[0]:
        return 0
    is_cut = other.startswith(word) and len(word) >= (MIN_LETTERS_ALONE if alone else MIN_LETTERS) and not named
    return 2 if len(word) >= least or is_cut else 0


def is_mechanical(word: str, other: str) -> bool:
    """Return whether a hand made one word of the other: two letters swapped, or one doubled or halved.

    >>> is_mechanical("umbrela", "umbrella"), is_mechanical("wysteria", "wisteria")
    (True, False)
    """
    if _is_swap(word, other):
        return True
    short, long = sorted((word, other), key=len)
    return len(long) == len(short) + 1 and any(
        long[place] == long[place + 1] and long[:place] + long[place + 1 :] == short for place in range(len(short))
    )


def _is_swap(word: str, other: str) -> bool:
    """Return whether two words differ by two neighboring letters that have changed places."""
    if len(word) != len(other):
        return False
    odd = [place for place in range(len(word)) if word[place] != other[place]]
    return len(odd) == 2 and odd[1] == odd[0] + 1 and word[odd[0]] + word[odd[1]] == other[odd[1]] + other[odd[0]]


def is_compound(word: str) -> bool:
    """Return whether a word is two known ones in one, as English makes them: nobody's slip.

    >>> is_compound("startrails"), is_compound("softlighiting")
    (True, False)
    """
    return any(
        is_word(word[:place]) and is_word(word[place:]) for place in range(MIN_LETTERS, len(word) - MIN_LETTERS + 1)
    )


def is_spelling(form: str, name: str) -> bool:
    """Return whether a form that leads to a tag is its name, or spells it otherwise; other aliases are other words."""
    if form == name:
        return True
    one, other = _without_gaps(form), _without_gaps(name)
    if one == other or sorted(words_of(form)) == sorted(words_of(name)):
        return True
    from rapidfuzz.distance import OSA

    return min(len(one), len(other)) >= MIN_LETTERS and OSA.distance(one, other, score_cutoff=1) <= 1


def _without_gaps(name: str) -> str:
    return name.replace("_", "").replace("-", "")


def with_other_numbers(name: str) -> list[str]:
    """Return the names that a name is with one of its words in the plural, or in the singular.

    >>> with_other_numbers("pine_tree")
    ['pines_tree', 'pine_trees']
    """
    words = words_of(name)
    return [
        "_".join((*words[:place], other, *words[place + 1 :]))
        for place, word in enumerate(words)
        for other in other_number(word)
    ]


def other_gaps(name: str) -> Iterator[str]:
    """Yield a name with its spaces and hyphens exchanged or left out, and with one put in."""
    if "(" in name:
        yield re.sub(r"(?<=[^_(])\(", "_(", name)
    pieces = re.split(r"([_\-])", name)
    gaps = pieces[1::2]
    if 0 < len(gaps) <= _MOST_GAPS:
        for choice in product("_-", repeat=len(gaps)):
            yield "".join(piece + gap for piece, gap in zip(pieces[::2], (*choice, ""), strict=True))
        for left_out in range(len(gaps)):
            if min(len(pieces[2 * left_out]), len(pieces[2 * left_out + 2])) < MIN_LETTERS_OF_PART:
                continue
            kept = [*gaps[:left_out], "", *gaps[left_out + 1 :], ""]
            yield "".join(piece + gap for piece, gap in zip(pieces[::2], kept, strict=True))
    if not gaps:
        for place in range(MIN_LETTERS_OF_PART, len(name) - MIN_LETTERS_OF_PART + 1):
            yield f"{name[:place]}_{name[place:]}"


def other_number(word: str) -> Iterator[str]:
    """Yield the plural of a word, and what it may be the plural of."""
    if len(word) < MIN_LETTERS_OF_PART or word.endswith("ss"):
        return
    if word.endswith("s"):
        yield word[:-1]
        if word.endswith("es"):
            yield word[:-2]
        if word.endswith("ies"):
            yield f"{word[:-3]}y"
        if word.endswith("ves"):
            yield f"{word[:-3]}f"
    else:
        yield f"{word}s"


def other_country(word: str) -> Iterator[str]:
    """Yield a word in American spelling, and in British.

    >>> list(other_country("coloured"))
    ['colored']
    """
    for one, other in _SPELLINGS:
        if one in word:
            yield word.replace(one, other)
        if other in word:
            yield word.replace(other, one)


def other_vowels(word: str) -> Iterator[str]:
    """Yield a Japanese word with one vowel longer or shorter: ``kyoko``, ``kyouko``."""
    if not word.isalpha():
        return
    for match in re.finditer(r"ou|oo|uu|o|u", word):
        start, end = match.span()
        others = {"o": ("ou", "oo"), "u": ("uu",)}.get(match.group(), (match.group()[0],))
        for other in others:
            yield word[:start] + other + word[end:]
