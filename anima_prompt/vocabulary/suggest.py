"""What an unknown name may be meant for: the tag that it spells otherwise, or the one that it is a slip of.

Most names that a vocabulary lacks are no mistakes: they are rare tags, persons, plain English. So no word of a text is
called a slip that is English or a part of a live name, and nothing is suggested for a text that is itself alive on
Danbooru. What is left is compared word by word with the tags in reach, never with artists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from anima_prompt.sections import Section
from anima_prompt.vocabulary.live_names import is_live, is_live_alias, is_word

if TYPE_CHECKING:
    from anima_prompt.vocabulary.packs import Entry
    from anima_prompt.vocabulary.table import Vocabulary

MIN_LETTERS = 4
"""A shorter word is no slip: too many names are one letter away."""

MIN_LETTERS_ALONE = 6
"""The same for a name of one word, where nothing beside it tells what is meant."""

MIN_LETTERS_OF_PART = 3
"""The least part of a word that a space is put into or taken out of."""

LONG_WORD = 8
"""From this length on, a word beside known ones may be two edits off; alone, from two letters more."""

MUCH_MORE_COMMON = 10
"""A candidate with so many times the posts of the next one is the one that is meant."""

MIN_POSTS_OF_COMPOUND = 10_000
"""Posts of a tag that is meant even where its words in one are an English word: ``longhair``, but not ``darkroom``."""

NAMED = (Section.CHARACTER, Section.SERIES)
"""Sections of names, which are never rewritten into each other."""

_MIN_POSTS = 100
_MIN_POSTS_OF_PERSON = 500
_MIN_POSTS_OF_FIX = 1000
_MOST_GAPS = 5
_SEARCHED = 24
_PLAIN = (Section.GENERAL, Section.META, Section.COUNT)
_WORDS = re.compile(r"[^_\-]+")
_SIGNS = "!?:;.,()"

_SPELLINGS = tuple(
    pair.split("/")
    for pair in """
    our/or grey/gray ise/ize isi/izi yse/yze tre/ter ogue/og lled/led lling/ling llery/lry ence/ense
    pyjama/pajama moustache/mustache mould/mold tyre/tire plough/plow aeroplane/airplane aluminium/aluminum
    """.split()
)
"""British and American spellings; a word is spelled the other way, whichever it has."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A tag that may be meant.

    Attributes:
        entry: the tag.
        edits: letters that differ; 0 where only spaces, hyphens, a plural or a country's spelling do.
        sure: whether a fix may write it: a plain, common tag, one letter off at most, and no other tag is as near.
        others: the next likely tags, where several are as near and as common.
    """

    entry: Entry
    edits: int
    sure: bool
    others: tuple[Entry, ...] = ()


def suggestion(vocabulary: Vocabulary, name: str, known: frozenset[str]) -> Suggestion | None:
    """Return what a name that is in no table may be meant for, None if it is alive or like no tag.

    Args:
        vocabulary: the tags.
        name: a canonical name.
        known: words that are meant as they stand, besides those of English and of live names.

    >>> from anima_prompt import Vocabulary
    >>> suggestion(Vocabulary.default(), "slowking", frozenset()) is None
    True
    """
    if is_live(name):
        return None
    near = with_other_gaps(vocabulary, name) or respelled(vocabulary, name)
    return near or (None if is_live_alias(name) else slip(vocabulary, name, known))


def with_other_gaps(vocabulary: Vocabulary, name: str) -> Suggestion | None:
    """Return the tag that has the same letters with other spaces and hyphens between them; no artist.

    >>> from anima_prompt import Vocabulary
    >>> with_other_gaps(Vocabulary.default(), "longhair").entry.name
    'long_hair'
    """
    least = MIN_POSTS_OF_COMPOUND if is_word(name) else 0
    for form in _other_gaps(name):
        entry = vocabulary.lookup(form)
        if entry is None or entry.section is Section.ARTIST or not is_spelling(name, entry.name) or entry.write:
            continue
        if entry.category == "closed" or entry.post_count >= least:
            return Suggestion(entry, 0, entry.section not in NAMED)
    return None


def respelled(vocabulary: Vocabulary, name: str) -> Suggestion | None:
    """Return the tag that differs by one word's number, a country's spelling, or a long vowel in a person's name.

    >>> from anima_prompt import Vocabulary
    >>> [respelled(Vocabulary.default(), name).entry.name for name in ("floating_islands", "hatsuune_miku")]
    ['floating_island', 'hatsune_miku']
    """
    words = _WORDS.findall(name)
    for others, sections, sure in (
        (_other_country, _PLAIN, True),
        (_other_number, _PLAIN, False),
        (_other_vowels, NAMED if len(words) > 1 else (), False),
    ):
        for place, word in enumerate(words):
            for other in others(word) if sections else ():
                form = "_".join((*words[:place], other, *words[place + 1 :]))
                entry = vocabulary.lookup(form)
                if entry is None or entry.section not in sections or not is_spelling(form, entry.name):
                    continue
                if others is not _other_number or not _begins_more_common(vocabulary, name, entry):
                    return Suggestion(entry, 0, sure)
    return None


def with_other_numbers(name: str) -> list[str]:
    """Return the names that a name is with one of its words in the plural, or in the singular.

    >>> with_other_numbers("pine_tree")
    ['pines_tree', 'pine_trees']
    """
    words = _WORDS.findall(name)
    return [
        "_".join((*words[:place], other, *words[place + 1 :]))
        for place, word in enumerate(words)
        for other in _other_number(word)
    ]


def slip(vocabulary: Vocabulary, name: str, known: frozenset[str]) -> Suggestion | None:
    """Return the tag of which a name is a slip, judged word by word.

    Args:
        vocabulary: the tags.
        name: a canonical name that is in no table.
        known: further words that are meant as they stand.

    >>> from anima_prompt import Vocabulary
    >>> slip(Vocabulary.default(), "looking_at_veiwer", frozenset()).entry.name
    'looking_at_viewer'
    """
    words = _WORDS.findall(name)
    unknown = {word for word in words if _is_unknown(word.strip(_SIGNS), known)}
    if not unknown:
        return None
    near: dict[str, tuple[int, Entry]] = {}
    for match in vocabulary.nearest(name, limit=_SEARCHED):
        entry = match.entry
        if not _may_be_meant(entry) or not is_spelling(match.form, entry.name):
            continue
        edits = _edits(words, _WORDS.findall(match.form), unknown, named=entry.section in NAMED)
        if edits:
            near[entry.name] = min(near.get(entry.name, (edits, entry)), (edits, entry), key=lambda pair: pair[0])
    left = _not_cut_off(vocabulary, name, list(near.values()))
    return _best(name, left) if left else None


def _may_be_meant(entry: Entry) -> bool:
    """Say whether a tag is common enough to be meant by an unknown text; words of other models and artists are not."""
    if entry.category == "closed":
        return not entry.write
    if entry.section is Section.ARTIST:
        return False
    return entry.post_count >= (_MIN_POSTS_OF_PERSON if entry.section in NAMED else _MIN_POSTS)


def _best(name: str, near: list[tuple[int, Entry]]) -> Suggestion:
    """Return the nearest of some candidates; the most common one where several are as near."""
    fewest = min(edits for edits, _ in near)
    entries = sorted((entry for edits, entry in near if edits == fewest), key=lambda entry: -entry.post_count)
    first, *rest = entries
    rivals = tuple(entry for entry in rest if entry.post_count * MUCH_MORE_COMMON > first.post_count)
    alone = "_" not in name and "-" not in name
    common = first.category == "closed" or first.post_count >= _MIN_POSTS_OF_FIX
    sure = not rest and fewest == 1 and first.section not in NAMED and common
    return Suggestion(first, fewest, sure and (not alone or is_mechanical(name, first.name)), rivals[:1])


def _edits(words: list[str], others: list[str], unknown: set[str], *, named: bool) -> int:
    """Return how many letters make one name of the other, 0 if one is no slip of the other."""
    if len(words) != len(others):
        return 0 if named else _edits_in_one("".join(words), "".join(others), words, unknown)
    pairs = [(word, other) for word, other in zip(words, others, strict=True) if word != other]
    if any(word not in unknown for word, _ in pairs):
        return 0
    edits = [word_edits(word, other, alone=len(words) == 1, named=named) for word, other in pairs]
    if 0 in edits or (len(edits) > 1 and named):
        return 0
    return sum(edits)


def _edits_in_one(joined: str, other: str, words: list[str], unknown: set[str]) -> int:
    """Return 1 if two texts that differ in their gaps differ in one letter too, and one has an unknown word."""
    from rapidfuzz.distance import OSA

    if len(joined) < LONG_WORD or joined[0] != other[0] or len(words) > 2 or not unknown:
        return 0
    return int(OSA.distance(joined, other, score_cutoff=1) == 1 and not is_compound(joined))


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


def _is_unknown(word: str, known: frozenset[str]) -> bool:
    """Say whether a word is one that nobody knows."""
    return len(word) >= MIN_LETTERS and word.isalpha() and word not in known and not is_word(word)


def is_mechanical(word: str, other: str) -> bool:
    """Say whether a hand made one word of the other: two letters swapped, or one doubled or halved.

    >>> is_mechanical("umbrela", "umbrella"), is_mechanical("wysteria", "wisteria")
    (True, False)
    """
    if _is_swap(word, other):
        return True
    short, long = sorted((word, other), key=len)
    return len(long) == len(short) + 1 and any(
        long[place] == long[place + 1] and long[:place] + long[place + 1 :] == short for place in range(len(short))
    )


def is_compound(word: str) -> bool:
    """Say whether a word is two known ones in one, as English makes them: nobody's slip.

    >>> is_compound("startrails"), is_compound("softlighiting")
    (True, False)
    """
    return any(
        is_word(word[:place]) and is_word(word[place:]) for place in range(MIN_LETTERS, len(word) - MIN_LETTERS + 1)
    )


def _begins_more_common(vocabulary: Vocabulary, name: str, entry: Entry) -> bool:
    """Say whether a name begins tags that are more common than one: ``short`` is rather short hair than shorts."""
    return any(
        (longer := vocabulary.lookup(form)) is not None and longer.post_count > entry.post_count
        for form in vocabulary.complete(f"{name}_", limit=1)
    )


def _not_cut_off(vocabulary: Vocabulary, name: str, near: list[tuple[int, Entry]]) -> list[tuple[int, Entry]]:
    """Return the candidates that a name of one word is the beginning of, if it is the beginning of any tag."""
    if "_" in name or "-" in name or not vocabulary.complete(name, limit=1):
        return near
    return [pair for pair in near if pair[1].name.startswith(name)]


def is_spelling(form: str, name: str) -> bool:
    """Say whether a form that leads to a tag is its name, or spells it otherwise; other aliases are other words."""
    if form == name:
        return True
    one, other = _without_gaps(form), _without_gaps(name)
    if one == other or sorted(_WORDS.findall(form)) == sorted(_WORDS.findall(name)):
        return True
    from rapidfuzz.distance import OSA

    return min(len(one), len(other)) >= MIN_LETTERS and OSA.distance(one, other, score_cutoff=1) <= 1


def _is_swap(word: str, other: str) -> bool:
    """Say whether two words differ by two neighboring letters that have changed places."""
    if len(word) != len(other):
        return False
    odd = [place for place in range(len(word)) if word[place] != other[place]]
    return len(odd) == 2 and odd[1] == odd[0] + 1 and word[odd[0]] + word[odd[1]] == other[odd[1]] + other[odd[0]]


def _without_gaps(name: str) -> str:
    return name.replace("_", "").replace("-", "")


def _other_gaps(name: str) -> Iterator[str]:
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


def _other_country(word: str) -> Iterator[str]:
    for one, other in _SPELLINGS:
        if one in word:
            yield word.replace(one, other)
        if other in word:
            yield word.replace(other, one)


def _other_vowels(word: str) -> Iterator[str]:
    """Yield a Japanese word with one vowel longer or shorter: ``kyoko``, ``kyouko``."""
    if not word.isalpha():
        return
    for match in re.finditer(r"ou|oo|uu|o|u", word):
        start, end = match.span()
        others = {"o": ("ou", "oo"), "u": ("uu",)}.get(match.group(), (match.group()[0],))
        for other in others:
            yield word[:start] + other + word[end:]


def _other_number(word: str) -> Iterator[str]:
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
