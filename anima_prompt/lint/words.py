"""Word lists that several rules share, and the English that tags are made of."""

from __future__ import annotations

import csv
from functools import cache, lru_cache
from string import ascii_lowercase
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from anima_prompt.errors import DataFileError
from anima_prompt.vocabulary.live_names import is_english
from anima_prompt.vocabulary.packs import data_folder
from anima_prompt.vocabulary.spelling import is_compound, is_spelling, with_other_numbers

if TYPE_CHECKING:
    from anima_prompt.vocabulary import Vocabulary

QUALITY_RANKS = {
    "masterpiece": 1,
    "best_quality": 2,
    "good_quality": 3,
    "normal_quality": 4,
    "low_quality": 5,
    "worst_quality": 6,
}
"""Quality tags by rank, best first. Source: model card."""

STYLE_WORDS = tuple(
    """
    style, painting, sketch, watercolor, lineart, line art, illustration, anime, manga, comic, cel shading,
    coloring, screenshot, pixel art, chibi, monochrome, greyscale, sepia, realistic, painterly, impasto,
    official art, concept art, art nouveau, ukiyo-e, retro, 3d, render, medium, pastel, ink, oil
    """.replace("\n   ", "")
    .strip()
    .split(", ")
)
"""Parts of tags and sentences that set a style."""

DEPRECATED = "tags/deprecated.csv"
_FEWEST_POSTS = 200
_LONGEST = 24
_LEAST_REST = 8
_ENDING = 2
_NO_MATTER = frozenset(("own", "on", "of", "the", "a"))


@cache
def deprecated() -> dict[str, tuple[str, ...]]:
    """Return the tag names that Danbooru had deprecated by September 2025, each with its replacements.

    Raises:
        DataFileError: the table cannot be read.
    """
    path = data_folder() / DEPRECATED
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read ({error}); reinstall anima-prompt") from error
    return {row[0]: tuple(row[1].split("|")) for row in rows[1:]}


_known_words: WeakKeyDictionary[Vocabulary, frozenset[str]] = WeakKeyDictionary()


def english(vocabulary: Vocabulary) -> frozenset[str]:
    """Return the words of the curated general tags and function words, for comparison with the words of a tag."""
    from anima_prompt.sections import Section
    from anima_prompt.syntax.grammar import FUNCTION_WORDS

    known = _known_words.get(vocabulary)
    if known is None:
        parts: set[str] = set(FUNCTION_WORDS)
        for entry in vocabulary.entries(Section.GENERAL):
            if entry.curated or entry.post_count >= _FEWEST_POSTS:
                for name in (entry.name, *entry.aliases):
                    parts.update(part for part in name.replace("-", "_").split("_") if part.isalpha())
        known = _known_words[vocabulary] = frozenset(parts)
    return known


def says_the_same(old: str, new: str) -> bool:
    """Return whether a replacement has the same meaning as a name, so that a fix may write it.

    True for another spelling or number, for fewer words, and for a name of several words with as many other words: a
    name of a single word has further meanings, and additional words add meaning.

    >>> says_the_same("hands_on_hips", "hands_on_own_hips"), says_the_same("trees", "tree")
    (True, True)
    >>> says_the_same("highlights", "streaked_hair"), says_the_same("traditional_chinese", "traditional_chinese_text")
    (False, False)
    """
    if is_spelling(old, new) or new in with_other_numbers(old):
        return True
    old_words, new_words = set(old.split("_")), set(new.split("_"))
    return len(old_words) > 1 and not old_words < new_words - _NO_MATTER


def nearest(word: str, known: frozenset[str]) -> str | None:
    """Return the only known word, or two joined words, of which ``word`` is a misspelling; None otherwise.

    A misspelling is one edit, or two in a word of at least eleven letters, after the same first two letters; two edits
    at the end make another word of the same stem.

    >>> nearest("beautifull", frozenset(("beautiful", "bountiful")))
    'beautiful'
    >>> nearest("bioluminescent", frozenset(("bioluminescence",)))
    """
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import extract

    if len(word) > _LONGEST:
        return None
    most = 2 if len(word) >= 11 else 1
    near = extract(
        word,
        [k for k in _by_beginning(known).get(word[:2], ()) if abs(len(k) - len(word)) <= most],
        scorer=OSA.distance,
        score_cutoff=most,
        limit=2,
    )
    if near and (len(near) == 1 or near[0][1] < near[1][1]) and not _is_inflection(word, near[0][0]):
        right = str(near[0][0])
        return None if near[0][1] > 1 and right.startswith(word[:-_ENDING]) else right
    return _pair(word, known) if not near else None


def near_english(word: str) -> str | None:
    """Return the only English word of which ``word`` is a misspelling: a letter missing or doubled, or two swapped.

    >>> near_english("beatiful"), near_english("detials"), near_english("gehrman")
    ('beautiful', 'details', None)
    """
    forms = {word[:place] + letter + word[place:] for place in range(1, len(word) + 1) for letter in ascii_lowercase}
    for place in range(1, len(word)):
        first, second = word[place - 1], word[place]
        swapped = second + first if first != second else first
        forms.add(word[: place - 1] + swapped + word[place + 1 :])
    english_words = [form for form in sorted(forms) if is_english(form) and not _is_inflection(word, form)]
    return english_words[0] if len(english_words) == 1 else None


@lru_cache(maxsize=4)
def _by_beginning(known: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Return the words by their first letter, and by their first two, in a stable order."""
    groups: dict[str, list[str]] = {}
    for word in sorted(known):
        groups.setdefault(word[:1], []).append(word)
        if len(word) > 1:
            groups.setdefault(word[:2], []).append(word)
    return {beginning: tuple(words) for beginning, words in groups.items()}


def _pair(word: str, known: frozenset[str]) -> str | None:
    """Return two known words that ``word`` is, joined and with one edit; two exact words are a compound."""
    if is_compound(word):
        return None
    pair = None
    for place in range(4, len(word) - 3):
        first, rest = word[:place], word[place:]
        if first in known and len(rest) >= _LEAST_REST:
            match = next((k for k in _by_beginning(known).get(rest[:1], ()) if is_one_edit(k, rest)), None)
            if match is not None:
                pair = f"{first} {match}"
    return pair


def is_one_edit(word: str, second: str) -> bool:
    """Return whether two words differ by one edit: a letter added, missing or changed, or two letters swapped.

    >>> is_one_edit("umbrela", "umbrella"), is_one_edit("hat", "hat")
    (True, False)
    """
    from rapidfuzz.distance import OSA

    return abs(len(word) - len(second)) <= 1 and OSA.distance(word, second, score_cutoff=1) == 1


def _is_inflection(word: str, second: str) -> bool:
    """Return whether two words differ only by an ending, so that both are English."""
    endings = ("s", "d", "r", "y", "n", "es", "ed", "er", "ly", "al")
    return any(word == second + ending or second == word + ending for ending in endings)
