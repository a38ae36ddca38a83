"""Blend tags and natural language in the layouts that the model was trained on.

Knows layouts and how a character is described; changes no tag. Source: Anima model card, prompting guide (tags, then
sentences; sentences, then tags; a tag prefix closed by a full stop, then prose; name a character, then describe it).
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from anima_prompt.names import spaced
from anima_prompt.prompt import Place, Prompt
from anima_prompt.vocabulary import Entry

_ARTICLED = ("hair", "eyes", "ears", "sleeves", "gloves", "bangs", "wings", "horns", "braids", "glasses", "twintails")


class Blend(StrEnum):
    """Where the sentences stand.

    ``tags-first``: all tags, full stop, sentences. ``sentences-first``: sentences, then all tags. ``prefix``: the tags
    up to the artists, full stop, sentences, then the general tags.
    """

    TAGS_FIRST = "tags-first"
    SENTENCES_FIRST = "sentences-first"
    PREFIX = "prefix"


def blend(prompt: Prompt, style: str | Blend) -> Prompt:
    """Return the prompt with all its sentences in the place that ``style`` gives them.

    Raises:
        ValueError: unknown style.

    >>> prompt = Prompt.parse("safe, 1girl, smile. She waves at the crowd.")
    >>> blend(prompt, "prefix").to_text()
    'safe, 1girl. She waves at the crowd. smile'
    >>> blend(prompt, "sentences-first").to_text()
    'She waves at the crowd. safe, 1girl, smile'
    """
    chosen = Blend(style)
    place: Place = "before" if chosen is Blend.SENTENCES_FIRST else "after"
    sentences = tuple(replace(s, place=place) for s in prompt.sentences)
    general = prompt.section("general")
    if chosen is Blend.PREFIX:
        return replace(prompt, sentences=sentences, general=(), closing=general)
    return replace(prompt, sentences=sentences, general=general, closing=())


def describe_character(character: Entry, *, where: str = "") -> str:
    """Return a sentence that names a character and then describes the lasting looks.

    Args:
        where: frame-based place in lower case, such as ``on the left side of the image``.

    >>> from anima_prompt.vocabulary import Vocabulary
    >>> describe_character(Vocabulary.default().lookup("link"), where="on the left side of the image")
    'On the left side of the image is Link, with pointy ears, blue eyes and blonde hair.'
    """
    name = _title(character.name)
    looks = [_phrase(look) for look in character.looks]
    listed = f"{', '.join(looks[:-1])} and {looks[-1]}" if len(looks) > 1 else "".join(looks)
    if where:
        lead = f"{where[0].upper()}{where[1:]} is {name}"
        return f"{lead}, with {listed}." if listed else f"{lead}."
    return f"{name} has {listed}." if listed else f"{name} is in the image."


def _title(name: str) -> str:
    """Return a name as English writes it: no qualifier, capitals."""
    words = spaced(name.partition("_(")[0]).split(" ")
    return " ".join(word[:1].upper() + word[1:] for word in words)


def _phrase(look: str) -> str:
    text = spaced(look)
    if text.endswith(_ARTICLED) or text.endswith("s") or text == "ahoge":
        return text if text != "ahoge" else "an ahoge"
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"
