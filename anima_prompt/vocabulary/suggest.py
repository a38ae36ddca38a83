"""Suggest the tag that an unknown name misspells.

Most names that a vocabulary lacks are not mistakes: they are rare tags, people, plain English. So English words and
parts of live names never count as misspelled, and texts that are live on Danbooru get no suggestion. Other texts are
compared word by word with similar tags, never with artists.
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
"""A candidate with this many times the posts of the next candidate is certain."""

MIN_POSTS_OF_COMPOUND = 10_000
"""Posts from which a tag is suggested even if its joined words are an English word: ``longhair``, not ``darkroom``."""

NAMED = (Section.CHARACTER, Section.SERIES)
"""Sections of names, which fixes never replace by each other."""

_MIN_POSTS = 100
_MIN_POSTS_OF_PERSON = 500
_MIN_POSTS_OF_FIX = 1000
_SEARCHED = 24
_PLAIN = (Section.GENERAL, Section.META, Section.COUNT)
_SIGNS = "!?:;.,()"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A suggested tag.

    Attributes:
        entry: the tag.
        edits: letters that differ; 0 if only spaces, hyphens, a plural or a British or American spelling differ.
        is_sure: whether a fix may write it: a common general, meta or quality tag with at most one edit and no equal
            rival.
        alternatives: further tags that are as near and as common.
    """

    entry: Entry
    edits: int
    is_sure: bool
    alternatives: tuple[Entry, ...] = ()


def suggestion(vocabulary: Vocabulary, name: str, known: frozenset[str]) -> Suggestion | None:
    """Return the suggestion for an unknown name, None if it is live or resembles no tag.

    Args:
        vocabulary: the tags.
        name: a canonical name.
        known: further correct words, in addition to English and live names.

    >>> from anima_prompt import Vocabulary
    >>> suggestion(Vocabulary.default(), "slowking", frozenset()) is None
    True
    """
    if is_live(name):
        return None
    near = with_other_gaps(vocabulary, name) or respelled(vocabulary, name)
    return near or (None if is_live_alias(name) else slip(vocabulary, name, known))


def with_other_gaps(vocabulary: Vocabulary, name: str) -> Suggestion | None:
    """Return the tag with the same letters but other spaces and hyphens; never an artist.

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
    """Return the tag that differs in a plural, a British or American spelling, or a long vowel in a person's name.

    >>> from anima_prompt import Vocabulary
    >>> [respelled(Vocabulary.default(), name).entry.name for name in ("floating_islands", "hatsuune_miku")]
    ['floating_island', 'hatsune_miku']
    """
    words = words_of(name)
    for variants_of, sections, is_sure in (
        (other_country, _PLAIN, True),
        (other_number, _PLAIN, False),
        (other_vowels, NAMED if len(words) > 1 else (), False),
    ):
        for place, word in enumerate(words):
            for variant in variants_of(word) if sections else ():
                form = "_".join((*words[:place], variant, *words[place + 1 :]))
                entry = vocabulary.lookup(form)
                if entry is None or entry.section not in sections or not is_spelling(form, entry.name):
                    continue
                if variants_of is not other_number or not _begins_more_common(vocabulary, name, entry):
                    return Suggestion(entry, 0, is_sure)
    return None


def slip(vocabulary: Vocabulary, name: str, known: frozenset[str]) -> Suggestion | None:
    """Return the tag that a name misspells, compared word by word.

    Args:
        vocabulary: the tags.
        name: a canonical name that is not in the vocabulary.
        known: further correct words.

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
    """Return the nearest candidate; of several equally near candidates the most common."""
    fewest = min(edits for edits, _ in near)
    entries = sorted((entry for edits, entry in near if edits == fewest), key=lambda entry: -entry.post_count)
    first, *rest = entries
    rivals = tuple(entry for entry in rest if entry.post_count * MUCH_MORE_COMMON > first.post_count)
    alone = "_" not in name and "-" not in name
    common = first.category == "closed" or first.post_count >= _MIN_POSTS_OF_FIX
    is_sure = not rest and fewest == 1 and first.section not in NAMED and common
    return Suggestion(first, fewest, is_sure and (not alone or is_mechanical(name, first.name)), rivals[:1])


def _edits(words: list[str], tag_words: list[str], unknown: set[str], *, named: bool) -> int:
    """Return the number of edits between a name and a tag, 0 if the name is not a misspelling of the tag."""
    if len(words) != len(tag_words):
        return 0 if named else _edits_in_one("".join(words), "".join(tag_words), words, unknown)
    pairs = [(word, tag_word) for word, tag_word in zip(words, tag_words, strict=True) if word != tag_word]
    if any(word not in unknown for word, _ in pairs):
        return 0
    edits = [word_edits(word, tag_word, is_alone=len(words) == 1, named=named) for word, tag_word in pairs]
    if 0 in edits or (len(edits) > 1 and named):
        return 0
    return sum(edits)


def _edits_in_one(joined: str, tag: str, words: list[str], unknown: set[str]) -> int:
    """Return 1 if a name and a tag with other spaces also differ by one edit and the name has an unknown word."""
    from rapidfuzz.distance import OSA

    if len(joined) < LONG_WORD or joined[0] != tag[0] or len(words) > 2 or not unknown:
        return 0
    return int(OSA.distance(joined, tag, score_cutoff=1) == 1 and not is_compound(joined))


def _is_unknown(word: str, known: frozenset[str]) -> bool:
    """Return whether a word is unknown: neither English nor part of a live name nor listed."""
    return len(word) >= MIN_LETTERS and word.isalpha() and word not in known and not is_word(word)


def _begins_more_common(vocabulary: Vocabulary, name: str, entry: Entry) -> bool:
    """Return whether a name starts more common tags than a tag: ``short`` is more likely short hair than shorts."""
    return any(
        (longer := vocabulary.lookup(form)) is not None and longer.post_count > entry.post_count
        for form in vocabulary.complete(f"{name}_", limit=1)
    )


def _not_cut_off(vocabulary: Vocabulary, name: str, near: list[tuple[int, Entry]]) -> list[tuple[int, Entry]]:
    """Return the candidates that start with a name of one word, if any tag starts with it."""
    if "_" in name or "-" in name or not vocabulary.complete(name, limit=1):
        return near
    return [pair for pair in near if pair[1].name.startswith(name)]
