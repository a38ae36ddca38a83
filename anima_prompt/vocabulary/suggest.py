"""What an unknown name may be meant for: the tag that it spells otherwise, or the one that it is a slip of.

Most names that a vocabulary lacks are no mistakes: they are rare tags, persons, plain English. So no word of a text is
called a slip that is English or a part of a live name, and nothing is suggested for a text that is itself alive on
Danbooru. What is left is compared word by word with the tags in reach, never with artists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anima_prompt.sections import Section
from anima_prompt.vocabulary.live_names import is_live, is_live_alias, is_word
from anima_prompt.vocabulary.spelling import (
    LONG_WORD,
    MIN_LETTERS,
    is_compound,
    is_mechanical,
    is_spelling,
    other_country,
    other_gaps,
    other_number,
    other_vowels,
    word_edits,
    words_of,
)

if TYPE_CHECKING:
    from anima_prompt.vocabulary.lookup import Vocabulary
    from anima_prompt.vocabulary.packs import Entry

MUCH_MORE_COMMON = 10
"""A candidate with so many times the posts of the next one is the one that is meant."""

MIN_POSTS_OF_COMPOUND = 10_000
"""Posts of a tag that is meant even where its words in one are an English word: ``longhair``, but not ``darkroom``."""

NAMED = (Section.CHARACTER, Section.SERIES)
"""Sections of names, which are never rewritten into each other."""

_MIN_POSTS = 100
_MIN_POSTS_OF_PERSON = 500
_MIN_POSTS_OF_FIX = 1000
_SEARCHED = 24
_PLAIN = (Section.GENERAL, Section.META, Section.COUNT)
_SIGNS = "!?:;.,()"


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
    for form in other_gaps(name):
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
    words = words_of(name)
    for others, sections, sure in (
        (other_country, _PLAIN, True),
        (other_number, _PLAIN, False),
        (other_vowels, NAMED if len(words) > 1 else (), False),
    ):
        for place, word in enumerate(words):
            for other in others(word) if sections else ():
                form = "_".join((*words[:place], other, *words[place + 1 :]))
                entry = vocabulary.lookup(form)
                if entry is None or entry.section not in sections or not is_spelling(form, entry.name):
                    continue
                if others is not other_number or not _begins_more_common(vocabulary, name, entry):
                    return Suggestion(entry, 0, sure)
    return None


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
    words = words_of(name)
    unknown = {word for word in words if _is_unknown(word.strip(_SIGNS), known)}
    if not unknown:
        return None
    near: dict[str, tuple[int, Entry]] = {}
    for match in vocabulary.nearest(name, limit=_SEARCHED):
        entry = match.entry
        if not _may_be_meant(entry) or not is_spelling(match.form, entry.name):
            continue
        edits = _edits(words, words_of(match.form), unknown, named=entry.section in NAMED)
        if edits:
            near[entry.name] = min(near.get(entry.name, (edits, entry)), (edits, entry), key=lambda pair: pair[0])
    left = _not_cut_off(vocabulary, name, list(near.values()))
    return _best(name, left) if left else None


def _may_be_meant(entry: Entry) -> bool:
    """Return whether a tag may be suggested: common enough, and neither an artist nor a tag of other models."""
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


def _is_unknown(word: str, known: frozenset[str]) -> bool:
    """Return whether a word is one that nobody knows."""
    return len(word) >= MIN_LETTERS and word.isalpha() and word not in known and not is_word(word)


def _begins_more_common(vocabulary: Vocabulary, name: str, entry: Entry) -> bool:
    """Return whether a name begins tags that are more common than one: ``short`` is rather short hair than shorts."""
    return any(
        (longer := vocabulary.lookup(form)) is not None and longer.post_count > entry.post_count
        for form in vocabulary.complete(f"{name}_", limit=1)
    )


def _not_cut_off(vocabulary: Vocabulary, name: str, near: list[tuple[int, Entry]]) -> list[tuple[int, Entry]]:
    """Return the candidates that a name of one word is the beginning of, if it is the beginning of any tag."""
    if "_" in name or "-" in name or not vocabulary.complete(name, limit=1):
        return near
    return [pair for pair in near if pair[1].name.startswith(name)]
