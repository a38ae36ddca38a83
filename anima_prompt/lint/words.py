"""Word lists that several rules share, and the English that tags are made of."""

from __future__ import annotations

import csv
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from anima_prompt.errors import DataFileError
from anima_prompt.vocabulary.packs import data_folder

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
"""The human ladder, best first. Source: model card."""

STYLE_WORDS = tuple(
    """
    style, painting, sketch, watercolor, lineart, line art, illustration, anime, manga, comic, cel shading,
    coloring, screenshot, pixel art, chibi, monochrome, greyscale, sepia, realistic, painterly, impasto,
    official art, concept art, art nouveau, ukiyo-e, retro, 3d, render, medium, pastel, ink, oil
    """.replace("\n   ", "")
    .strip()
    .split(", ")
)
"""Parts of tags and sentences that tie a style down."""

DEPRECATED = "tags/deprecated.csv"
_FEWEST_POSTS = 200
_LONGEST = 24


@cache
def deprecated() -> dict[str, tuple[str, ...]]:
    """Return the names that Danbooru gave up before September 2025, each with what it says now.

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


_known_words: dict[int, frozenset[str]] = {}


def english(vocabulary: Vocabulary) -> frozenset[str]:
    """Return the words of the curated general tags and of grammar: what a tag's words are compared with."""
    from anima_prompt.sections import Section
    from anima_prompt.syntax.grammar import FUNCTION_WORDS

    known = _known_words.get(id(vocabulary))
    if known is None:
        parts: set[str] = set(FUNCTION_WORDS)
        for entry in vocabulary.entries(Section.GENERAL):
            if entry.curated or entry.post_count >= _FEWEST_POSTS:
                for name in (entry.name, *entry.aliases):
                    parts.update(part for part in name.replace("-", "_").split("_") if part.isalpha())
        _known_words.clear()
        known = _known_words[id(vocabulary)] = frozenset(parts)
    return known


def nearest(word: str, known: frozenset[str]) -> str | None:
    """Return the one known word, or two run together, that ``word`` is a slip of; None if there is none or several.

    A slip is one edit, or two in a word of eleven letters and more, behind the same first two letters.

    >>> nearest("beautifull", frozenset(("beautiful", "bountiful")))
    'beautiful'
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
        return str(near[0][0])
    return _pair(word, known) if not near else None


@lru_cache(maxsize=4)
def _by_beginning(known: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Return the words by their first letter, and by their first two, in a stable order."""
    found: dict[str, list[str]] = {}
    for word in sorted(known):
        found.setdefault(word[:1], []).append(word)
        if len(word) > 1:
            found.setdefault(word[:2], []).append(word)
    return {beginning: tuple(words) for beginning, words in found.items()}


def _pair(word: str, known: frozenset[str]) -> str | None:
    """Return two known words that ``word`` is, run together and at most one edit off."""
    from rapidfuzz.distance import OSA

    found = None
    for place in range(4, len(word) - 3):
        first, rest = word[:place], word[place:]
        if first in known and len(rest) >= 6:
            match = next(
                (
                    k
                    for k in _by_beginning(known).get(rest[:1], ())
                    if abs(len(k) - len(rest)) <= 1 and OSA.distance(k, rest, score_cutoff=1) <= 1
                ),
                None,
            )
            if match is not None:
                found = f"{first} {match}"
    return found


def _is_inflection(word: str, other: str) -> bool:
    """Say whether two words differ by an ending alone: both are English."""
    endings = ("s", "d", "r", "y", "n", "es", "ed", "er", "ly", "al")
    return any(word == other + ending or other == word + ending for ending in endings)
