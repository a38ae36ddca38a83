"""Tags out of the model's order."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, Safety, found, plain, quoted
from anima_prompt.sections import Section

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
_NAMES = ("quality, meta, year and safety", "count", "character", "series", "artist", "general")


def check(context: Context) -> Iterator[Finding]:
    """Look for the first tag that stands behind one of a later section; tags behind sentences are free."""
    highest = -1
    for item in context.items:
        rank = _RANK.get(item.facts.section, 5)
        if item.closing or item.level.owner is not None:
            continue
        if rank < highest:
            where = f"{_NAMES[rank]} tags come before {_NAMES[highest]} tags"
            message = f"{quoted(item.text)} stands late: {where} in the captions"
            yield found(item, message, edits=_sorted(context))
            return
        highest = max(highest, rank)


def _sorted(context: Context) -> list[Edit | None]:
    """Return the edits that put every tag's text where the order wants it; separators stay where they are."""
    slots = [item for item in context.items if not item.closing and item.level is context.top]
    if not all(item.plain for item in slots) or len(slots) != len([i for i in context.items if not i.closing]):
        return [None]
    ordered = sorted(slots, key=lambda item: _RANK.get(item.section, 5))
    return [
        Edit(slot.start, slot.end, item.text)
        for slot, item in zip(slots, ordered, strict=True)
        if slot.text != item.text
    ]


RULE = Rule(
    code="ANI301",
    name="section-order",
    severity=Severity.INFO,
    reason="The captions ran quality, count, character, series, artist, general, free inside each. Other orders "
    "work, and reordering changes a picture almost as much as a new seed. Source: model card.",
    bad=(
        Example("1girl, smile, masterpiece, @wlop, hat", "masterpiece, 1girl, @wlop, smile, hat"),
        Example("touhou, kirisame marisa, 1girl, witch hat", "1girl, kirisame marisa, touhou, witch hat"),
    ),
    good=plain(
        "masterpiece, 1girl, kirisame marisa, touhou, @wlop, smile",
        "year 2025, newest, normal quality, score_5, highres, safe, 1girl, smile",
        "safe. A girl runs. from above, masterpiece",
    ),
    fix=Safety.UNSAFE,
    check=check,
    roles=POSITIVE,
)
