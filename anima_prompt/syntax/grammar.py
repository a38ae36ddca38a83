"""English grammar in word lists: what tells prose from tags without a vocabulary.

The words are grammar, not tags: the model reads English only. ``PROMPT_WORDS`` are the exception: the fixed words of
prompt prefixes, which are part of the prompt language itself. Source of those: Anima model card.
"""

from __future__ import annotations

import re

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
PLURAL_VERBS = frozenset(
    """
    sit stand lie lean stare gaze laugh walk run dance sing play hold speak whisper carry rest sleep fly float drift
    glow shine fill cover surround hang rise flow appear seem kneel crouch share watch embrace eat drink wait reflect
    bloom gather rush stretch lead meet chase circle
    """.split()
)
"""Verbs of a plural subject. Tags have them too (``floating hair``), so that they only prove a closed clause."""
ARTICLES = frozenset(("a", "an", "the"))
NOUNS_TOO = frozenset(
    "waves stands falls turns burns faces features glows fills sets covers walks plays points flies holds shows "
    "break breaks hugs draw will can must her".split()
)
"""Words too common inside names (``wuthering waves``) to prove an unclosed lower-case clause."""
CONJUNCTIONS = frozenset("and or but while with without as when where because so then".split())
PREPOSITIONS = frozenset(
    """
    of on in at by from into onto over under behind beside between near through across along around against above
    below inside outside toward towards during beyond beneath amid among atop to
    """.split()
)
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
_QUALITY = r"masterpiece|(?:best|good|normal|low|worst)[ ]quality|very[ ]aesthetic|score_\d\w*|absurdres|highres"
_COUNT = r"no[ ]humans|(?:multiple[ ]|\d\+?)(?:girl|boy|other)s?"
_OUTSIDE = rf"{_QUALITY}|lowres|newest|year[ ]\d{{4}}|nsfw|sfw|{_COUNT}|@\S.*"
QUALITY = re.compile(_QUALITY, re.IGNORECASE)
"""The words that lead a prompt."""
OUTSIDE = re.compile(_OUTSIDE, re.IGNORECASE)
"""Units of a prefix that are not English: not part of a sentence if they are alone between commas."""
PROMPT_WORD = re.compile(
    rf"{_OUTSIDE}|aesthetic|recent|safe|sensitive|explicit|solo|looking[ ]at[ ]viewer", re.IGNORECASE
)
"""Those, and units of a prefix that a sentence may use as well."""

WORD = re.compile(r"[^\W_]+(?:['’\-.][^\W_]+)*")
QUALIFIER = re.compile(r"\\?\([^()]*\)")


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case.

    >>> words_of("Don't look (back)!")
    ["don't", 'look', 'back']
    """
    return WORD.findall(text.lower())


def has_predicate(lowered: list[str]) -> bool:
    """Return whether a finite verb or a pronoun is among the words."""
    return not (FINITE_VERBS.isdisjoint(lowered) and PRONOUNS.isdisjoint(lowered))


def is_title(words: list[str]) -> bool:
    """Return whether all content words have capitals: ``The Legend of Zelda``."""
    return all(word[0].isupper() or word in FUNCTION_WORDS for word in words) and not has_predicate(
        [word for word in words if word[0].islower()]
    )
