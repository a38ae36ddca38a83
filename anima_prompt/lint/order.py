"""The order of tags in the training captions, for the rules about order.

Source: Anima model card, prompting guide.
"""

from __future__ import annotations

from anima_prompt.diagnostics import Edit
from anima_prompt.lint.context import Context, Item
from anima_prompt.prompt.items import led_places
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
    led = led_places(sections, unknown)
    ranked_tags: list[int | None] = []
    for place, section in enumerate(sections):
        if place in led:
            ranked_tags.append(rank(Section.CHARACTER))
        else:
            ranked_tags.append(None if unknown[place] else rank(section))
    return ranked_tags


def in_order(context: Context) -> list[Edit | None]:
    """Return the edits that sort the tags; separators keep their position.

    Unknown names count as general tags; those that are characters of a series stay directly before the series. A single
    None means that markup prevents sorting.
    """
    slots = [item for item in context.items if not item.closing and item.level is context.top]
    if not all(item.plain for item in slots) or len(slots) != len([i for i in context.items if not i.closing]):
        return [None]
    general = rank(Section.GENERAL)
    keys = [
        (general, False) if own is None else (own, is_unknown(slot))
        for own, slot in zip(ranks(slots), slots, strict=True)
    ]
    ordered = [slot for _, slot in sorted(zip(keys, slots, strict=True), key=lambda pair: pair[0])]
    return [
        Edit(slot.start, slot.end, item.text)
        for slot, item in zip(slots, ordered, strict=True)
        if slot.text != item.text
    ]


def is_unknown(item: Item) -> bool:
    """Return whether a tag is a plain text that neither the vocabulary nor its form gives a section."""
    return item.plain and item.entry is None and item.section is Section.GENERAL and not item.facts.artist
