"""Read a text as a prompt, with the position of every tag and sentence."""

from __future__ import annotations

from dataclasses import dataclass

from anima_prompt.diagnostics import Diagnostic
from anima_prompt.dialects import Dialect
from anima_prompt.prompt.items import Placed, read_items
from anima_prompt.prompt.model import Prompt
from anima_prompt.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Reading:
    """The prompt that :func:`read` made, every item with its span, and the diagnostics of the reading."""

    prompt: Prompt
    items: tuple[Placed, ...]
    diagnostics: tuple[Diagnostic, ...]


def read(text: str, *, dialect: str | Dialect = Dialect.COMFYUI, vocabulary: Vocabulary | None = None) -> Reading:
    """Read a prompt text with the position of every tag and sentence.

    >>> [(i.section.value, i.text, i.start) for i in read("safe, (1girl:1.2)").items]
    [('safety', 'safe', 0), ('count', '1girl', 7)]
    """
    items = read_items(text, dialect=dialect, vocabulary=vocabulary)
    return Reading(Prompt.from_items(items), items.placed, items.diagnostics)
