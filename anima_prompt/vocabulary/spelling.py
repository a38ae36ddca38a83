"""Compare spellings of words and names: edits of a letter, spaces, plurals, British and American spellings.

Knows English words and words of live names; knows nothing of tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

from anima_prompt.vocabulary.live_names import is_word

MIN_LETTERS = 4
"""A shorter word never counts as misspelled: too many names are one letter away."""

MIN_LETTERS_ALONE = 6
"""The same for a name of one word, without context."""

MIN_LETTERS_OF_PART = 3
"""The smallest part of a word before or after an added or removed space."""

LONG_WORD = 8
"""From this length on, a word next to known words may have two edits; a lone word, from two letters more."""

_MOST_GAPS = 5

_WORDS = re.compile(r"[^_\-]+")

_SPELLINGS = tuple(
    pair.split("/")
    for pair in """
    our/or grey/gray ise/ize isi/izi yse/yze tre/ter ogue/og lled/led lling/ling llery/lry ence/ense
    pyjama/pajama moustache/mustache mould/mold tyre/tire plough/plow aeroplane/airplane aluminium/aluminum
    """.split()
)
"""British and American spellings, as pairs."""


def words_of(name: str) -> list[str]:
    """Return the words of a name.

    >>> words_of("two-tone_hair")
    ['two', 'tone', 'hair']
    """
    return _WORDS.findall(name)


def word_edits(word: str, target: str, *, is_alone: bool, named: bool = False) -> int:
    """Return the number of edits of a misspelled word, 0 if it is not a misspelling of the target.

    Args:
        word: an unknown word.
        target: the word that it may misspell.
        is_alone: whether the name has no other word.
        named: whether ``target`` is part of the name of a person or series; such names often differ by a letter.

    >>> word_edits("veiwer", "viewer", is_alone=False), word_edits("sleev", "sleeves", is_alone=False)
    (1, 2)
    >>> word_edits("drago", "dragon", is_alone=True), word_edits("mikku", "miku", is_alone=True, named=True)
    (0, 0)
    """
    from rapidfuzz.distance import OSA

    edits = int(OSA.distance(word, target, score_cutoff=2))
    if edits == 1:
        least = MIN_LETTERS_ALONE if is_alone else MIN_LETTERS + named
        if len(word) < least and not (_is_swap(word, target) and len(word) > MIN_LETTERS):
            return 0
        is_long = len(word) >= (LONG_WORD if is_alone else MIN_LETTERS + 2 * named)
        return int(word[0] == target[0] or is_long or _is_swap(word, target))
    least = LONG_WORD + 2 * is_alone + 2 * named
    if edits != 2 or word[0] != target[0]:
        return 0
    is_cut = target.startswith(word) and len(word) >= (MIN_LETTERS_ALONE if is_alone else MIN_LETTERS) and not named
    return 2 if len(word) >= least or is_cut else 0


def is_mechanical(word: str, target: str) -> bool:
    """Return whether two words differ by a typing error: two letters swapped, or one doubled or halved.

    >>> is_mechanical("umbrela", "umbrella"), is_mechanical("wysteria", "wisteria")
    (True, False)
    """
    if _is_swap(word, target):
        return True
    short, long = sorted((word, target), key=len)
    return len(long) == len(short) + 1 and any(
        long[place] == long[place + 1] and long[:place] + long[place + 1 :] == short for place in range(len(short))
    )


def _is_swap(word: str, target: str) -> bool:
    """Return whether two words differ by two swapped neighboring letters."""
    if len(word) != len(target):
        return False
    odd = [place for place in range(len(word)) if word[place] != target[place]]
    return len(odd) == 2 and odd[1] == odd[0] + 1 and word[odd[0]] + word[odd[1]] == target[odd[1]] + target[odd[0]]


def is_compound(word: str) -> bool:
    """Return whether a word is a compound of two known words, which is not a misspelling.

    >>> is_compound("startrails"), is_compound("softlighiting")
    (True, False)
    """
    return any(
        is_word(word[:place]) and is_word(word[place:]) for place in range(MIN_LETTERS, len(word) - MIN_LETTERS + 1)
    )


def is_spelling(form: str, name: str) -> bool:
    """Return whether a form of a tag is its name or another spelling of it; other aliases are other words."""
    if form == name:
        return True
    joined_form, joined_name = _without_gaps(form), _without_gaps(name)
    if joined_form == joined_name or sorted(words_of(form)) == sorted(words_of(name)):
        return True
    from rapidfuzz.distance import OSA

    return (
        min(len(joined_form), len(joined_name)) >= MIN_LETTERS
        and OSA.distance(joined_form, joined_name, score_cutoff=1) <= 1
    )


def _without_gaps(name: str) -> str:
    return name.replace("_", "").replace("-", "")


def with_other_numbers(name: str) -> list[str]:
    """Return the variants of a name with one of its words in the plural or singular.

    >>> with_other_numbers("pine_tree")
    ['pines_tree', 'pine_trees']
    """
    words = words_of(name)
    return [
        "_".join((*words[:place], variant, *words[place + 1 :]))
        for place, word in enumerate(words)
        for variant in other_number(word)
    ]


def other_gaps(name: str) -> Iterator[str]:
    """Yield a name with spaces and hyphens exchanged or removed, and with an added space."""
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
            remaining = [*gaps[:left_out], "", *gaps[left_out + 1 :], ""]
            yield "".join(piece + gap for piece, gap in zip(pieces[::2], remaining, strict=True))
    if not gaps:
        for place in range(MIN_LETTERS_OF_PART, len(name) - MIN_LETTERS_OF_PART + 1):
            yield f"{name[:place]}_{name[place:]}"


def other_number(word: str) -> Iterator[str]:
    """Yield the plural of a word, and its possible singular."""
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
    """Yield a word in its British or American spelling.

    >>> list(other_country("coloured"))
    ['colored']
    """
    for british, american in _SPELLINGS:
        if british in word:
            yield word.replace(british, american)
        if american in word:
            yield word.replace(american, british)


def other_vowels(word: str) -> Iterator[str]:
    """Yield a Japanese word with one vowel longer or shorter: ``kyoko``, ``kyouko``."""
    if not word.isalpha():
        return
    for match in re.finditer(r"ou|oo|uu|o|u", word):
        start, end = match.span()
        variants = {"o": ("ou", "oo"), "u": ("uu",)}.get(match.group(), (match.group()[0],))
        for variant in variants:
            yield word[:start] + variant + word[end:]
