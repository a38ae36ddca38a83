"""A sentence that names a character and then describes the lasting looks.

Knows how English writes a list of looks: names with capitals, ``a`` and ``an`` where they belong. Source of the layout:
Anima model card, prompting guide (name a character, then describe it).
"""

from __future__ import annotations

import re

from anima_prompt.names import QUALIFIER, spaced
from anima_prompt.vocabulary import Entry

_TAIL = re.compile(
    r" (?:across|around|behind|between|in|on|over|past|through|under|with"
    r"|pinned|pulled|rolled|slicked|tied|down|up)\b.*"
)
"""Start of the words after the noun: ``hair over one eye`` describes hair, ``headphones around neck`` headphones."""
_UNCOUNTED = frozenset(
    "armor bald barefoot eyeliner eyeshadow eyewear fashion fluff fluffy fur hair headwear heterochromia lipstick "
    "makeup pantyhose polish shoulder skin sleeveless stubble tight trim".split()
)
_LIKE_A_VOWEL = re.compile(r"[aeio]|u(?!ni)|x\b")


def describe_character(character: Entry, *, where: str = "") -> str:
    """Return a sentence that names a character and then describes the lasting looks.

    Args:
        where: frame-based place in lower case, such as ``on the left side of the image``.

    >>> from anima_prompt.vocabulary import Vocabulary
    >>> describe_character(Vocabulary.default().lookup("link"), where="on the left side of the image")
    'On the left side of the image is Link, with pointy ears, blue eyes and blonde hair.'
    """
    name = _title(character.name)
    looks = [phrase(look) for look in character.looks]
    listed = f"{', '.join(looks[:-1])} and {looks[-1]}" if len(looks) > 1 else "".join(looks)
    if where:
        lead = f"{where[0].upper()}{where[1:]} is {name}"
        return f"{lead}, with {listed}." if listed else f"{lead}."
    return f"{name} has {listed}." if listed else f"{name} is in the image."


def phrase(look: str) -> str:
    """Return a look as English phrase: without its qualifier, with an article if the noun is countable.

    >>> [phrase(look) for look in ("white_dress", "blue_eyes", "hair_over_one_eye", "ahoge", "pom_pom_(clothes)")]
    ['a white dress', 'blue eyes', 'hair over one eye', 'an ahoge', 'a pom pom']
    """
    text = spaced(QUALIFIER.sub("", look))
    noun = _TAIL.sub("", text).split(" ")[-1]
    if noun in _UNCOUNTED or (noun.endswith("s") and not noun.endswith("ss")) or text.startswith(("one ", "two ")):
        return text
    return f"{'an' if _LIKE_A_VOWEL.match(text) else 'a'} {text}"


def _title(name: str) -> str:
    """Return a name as English writes it: no qualifier, capitals."""
    words = spaced(name.partition("_(")[0]).split(" ")
    return " ".join(word[:1].upper() + word[1:] for word in words)
