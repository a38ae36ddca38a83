"""Blend tags and natural language in the layouts that the model was trained on.

Knows layouts; changes no tag. Source: Anima model card, prompting guide (tags, then sentences; sentences, then tags; a
tag prefix closed by a full stop, then prose).
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from anima_prompt.errors import PromptError
from anima_prompt.prompt import Place, Prompt


class Blend(StrEnum):
    """Position of the sentences.

    ``tags-first``: all tags, full stop, sentences. ``sentences-first``: sentences, then all tags. ``prefix``: the tags
    up to the artists, full stop, sentences, then the general tags.
    """

    TAGS_FIRST = "tags-first"
    SENTENCES_FIRST = "sentences-first"
    PREFIX = "prefix"

    @classmethod
    def of(cls, style: str | Blend) -> Blend:
        """Return the layout of this name.

        Raises:
            PromptError: unknown layout.
        """
        try:
            return cls(style)
        except ValueError:
            raise PromptError(f"blend is '{style}'; expected one of {', '.join(cls)}") from None


def blend(prompt: Prompt, style: str | Blend) -> Prompt:
    """Return the prompt with all its sentences in the place that ``style`` gives them.

    Raises:
        PromptError: unknown style.

    >>> prompt = Prompt.parse("safe, 1girl, smile. She waves at the crowd.")
    >>> blend(prompt, "prefix").to_text()
    'safe, 1girl. She waves at the crowd. smile'
    >>> blend(prompt, "sentences-first").to_text()
    'She waves at the crowd. safe, 1girl, smile'
    """
    chosen = Blend.of(style)
    place: Place = "before" if chosen is Blend.SENTENCES_FIRST else "after"
    sentences = tuple(replace(s, place=place) for s in prompt.sentences)
    general = prompt.section("general")
    if chosen is Blend.PREFIX:
        return replace(prompt, sentences=sentences, general=(), closing=general)
    return replace(prompt, sentences=sentences, general=general, closing=())
