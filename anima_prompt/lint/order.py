"""The order of the captions, for the rules that ask for it.

Source: Anima model card, prompting guide.
"""

from __future__ import annotations

from anima_prompt.diagnostics import Edit
from anima_prompt.lint.context import Context
from anima_prompt.sections import Section

RANKS = ("quality, meta, year and safety", "count", "character", "series", "artist", "general")
"""The runs of tags in a caption, in order; inside each the order is free."""
_RANK = {
    Section.QUALITY: 0,
    Section.META: 0,
    Section.YEAR: 0,
    Section.SAFETY: 0,
    Section.COUNT: 1,
    Section.CHARACTER: 2,
    Section.SERIES: 3,
    Section.ARTIST: 4,
    Section.GENERAL: 5,
}


def rank(section: Section) -> int:
    """Return the index in :data:`RANKS` of the run that a section's tags stand in."""
    return _RANK.get(section, 5)


def in_order(context: Context) -> list[Edit | None]:
    """Return the edits that put every tag's text where the order wants it; separators stay where they are.

    One None stands for a prompt whose markup forbids it.
    """
    slots = [item for item in context.items if not item.closing and item.level is context.top]
    if not all(item.plain for item in slots) or len(slots) != len([i for i in context.items if not i.closing]):
        return [None]
    ordered = sorted(slots, key=lambda item: rank(item.section))
    return [
        Edit(slot.start, slot.end, item.text)
        for slot, item in zip(slots, ordered, strict=True)
        if slot.text != item.text
    ]
