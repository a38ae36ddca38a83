"""The order of tags in the training captions, for the rules about order.

Source: Anima model card, prompting guide.
"""

from __future__ import annotations

from anima_prompt.diagnostics import Edit
from anima_prompt.lint.context import Context, Item
from anima_prompt.prompt.items import leads_series
from anima_prompt.sections import Section

RANKS = ("quality, meta, year and safety", "count", "character", "series", "artist", "general")
"""The runs of tags in a caption, in order; inside each the order is arbitrary."""
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


def ranks(items: list[Item]) -> list[int | None]:
    """Return the rank of every tag; None for an unknown name, whose section is not known.

    An unknown name that directly precedes a series ranks as its character.
    """
    sections = [item.section for item in items]
    unknown = [is_unknown(item) for item in items]
    ranked_tags: list[int | None] = []
    for place, section in enumerate(sections):
        if leads_series(sections, unknown, place):
            ranked_tags.append(rank(Section.CHARACTER))
        else:
            ranked_tags.append(None if unknown[place] else rank(section))
    return ranked_tags


def in_order(context: Context) -> list[Edit | None]:
    """Return the edits that sort the tags; separators keep their position.

    Unknown names count as general tags. A single None means that markup prevents sorting.
    """
    slots = [item for item in context.items if not item.closing and item.level is context.top]
    if not all(item.plain for item in slots) or len(slots) != len([i for i in context.items if not i.closing]):
        return [None]
    general = rank(Section.GENERAL)
    ranked = [general if own is None else own for own in ranks(slots)]
    ordered = [slot for _, slot in sorted(zip(ranked, slots, strict=True), key=lambda pair: pair[0])]
    return [
        Edit(slot.start, slot.end, item.text)
        for slot, item in zip(slots, ordered, strict=True)
        if slot.text != item.text
    ]


def is_unknown(item: Item) -> bool:
    """Return whether a tag is a plain text that neither the vocabulary nor its form gives a section."""
    return item.plain and item.entry is None and item.section is Section.GENERAL and not item.facts.artist
