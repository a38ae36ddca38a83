r"""How a tag's text is spelled in a prompt: known names in the model's spelling, unknown ones exactly as written.

Knows the vocabulary and the escapes of the dialects; knows nothing of trees. Every way into a prompt spells its tags
here, so that all of them give the same text.
"""

from __future__ import annotations

from anima_prompt.dialects import Dialect
from anima_prompt.names import artist_name, escape, is_artist, is_everyday, spaced, squeezed, text_to_name, unescape
from anima_prompt.sections import Section
from anima_prompt.vocabulary import Vocabulary
from anima_prompt.vocabulary.live_names import is_live, is_live_phrase


def canonical_text(source: str, dialect: Dialect, vocabulary: Vocabulary) -> str:
    r"""Return a plain tag of a source text as ComfyUI reads it: spelled, single spaces, parentheses escaped.

    Underscores become spaces in names that the vocabulary knows. All others keep theirs: LoRA triggers look like that.

    >>> texts = ("long_hair", "@shinkawa_youji", "@my_lora", "My_Trigger_v2", r"fern_\(sousou_no_frieren\)")
    >>> [canonical_text(text, Dialect.COMFYUI, Vocabulary.default()) for text in texts]
    ['long hair', '@shinkawa youji', '@my_lora', 'My_Trigger_v2', 'fern \\(sousou no frieren\\)']
    """
    if is_everyday(source):
        return source
    return escape(spelled(squeezed(unescape(source, dialect)), vocabulary))


def spelled(literal: str, vocabulary: Vocabulary) -> str:
    """Return an unescaped tag with spaces for the underscores of a known name.

    >>> [spelled(text, Vocabulary.default()) for text in ("Long_Hair", "@_@", "year_2031", "my_trigger_word")]
    ['Long Hair', '@_@', 'year 2031', 'my_trigger_word']
    """
    if "_" not in literal or not is_name(literal, vocabulary):
        return literal
    return spaced(literal)


def is_name(literal: str, vocabulary: Vocabulary) -> bool:
    """Return whether an unescaped text is a name: in the vocabulary, of a known form, or live on Danbooru.

    A name with the qualifier of a known series (``nobody (kancolle)``) has such a form, and so has a year. An unknown
    artist is never taken for a live name: triggers of LoRAs have an ``@``, too.

    >>> texts = ("fern (sousou no frieren)", "nobody_(kancolle)", "link_(cosplay)", "foo (bar)", "my_trigger_word")
    >>> [is_name(text, Vocabulary.default()) for text in texts]
    [True, True, True, False, False]
    """
    if is_artist(literal):
        return artist_name(literal, Dialect.PLAIN) in vocabulary
    name = text_to_name(literal, Dialect.PLAIN)
    return name in vocabulary or vocabulary.section_of(escape(literal)) is not Section.GENERAL or is_live(name)


def is_known(clause: str, dialect: Dialect, vocabulary: Vocabulary) -> bool:
    """Return whether a clause of a source text is a tag, or with an ``@`` an artist, that the vocabulary has.

    A lower-case phrase that is live on Danbooru counts as known, so that it is not read as a sentence.
    """
    literal = unescape(clause, dialect)
    if is_artist(literal):
        return artist_name(literal, Dialect.PLAIN) in vocabulary
    name = text_to_name(literal, Dialect.PLAIN)
    return name in vocabulary or (literal.islower() and is_live_phrase(name))
