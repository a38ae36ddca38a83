"""Tags that are not in the model's order."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context, Item
from anima_prompt.lint.order import RANKS, in_order, ranks
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, Safety, finding_at, plain, quoted


def check(context: Context) -> Iterator[Finding]:
    """Flag the first known tag that comes after a tag of a later section; tags after sentences pass."""
    highest = -1
    items = [item for item in context.items if not item.closing and item.level.owner is None]
    for item, own in zip(items, ranks(items), strict=True):
        if own is None:
            continue
        if own < highest and not _has_rule_of_its_own(context, item, highest):
            order = f"{RANKS[own]} tags before {RANKS[highest]} tags"
            message = f"{quoted(item.text)} comes too late; write {order}, as in the training captions"
            yield finding_at(item, message, edits=in_order(context))
            return
        highest = max(highest, own)


def _has_rule_of_its_own(context: Context, item: Item, highest: int) -> bool:
    """Return whether ANI302 (series before character) or ANI303 (artist after general) reports the tag."""
    if item.facts.artist:
        return RANKS[highest] == "general"
    series = context.by_name.get(item.facts.entry.series) if item.facts.entry else None
    return RANKS[highest] == "series" and series is not None and series.start < item.start


RULE = Rule(
    code="ANI301",
    name="section-order",
    severity=Severity.INFO,
    reason="The training captions have quality, count, character, series, artist, general, in any order inside each. Other "
    "orders work, and reordering changes an image almost as much as a new seed. Source: model card.",
    bad=(
        Example("1girl, smile, masterpiece, @wlop, hat", "masterpiece, 1girl, @wlop, smile, hat"),
        Example("smile, 1girl, @wlop, hat", "1girl, @wlop, smile, hat"),
        Example("lily strosek, lyrical nanoha, 1girl", "1girl, lily strosek, lyrical nanoha"),
    ),
    good=plain(
        "masterpiece, 1girl, kirisame marisa, touhou, @wlop, smile",
        "year 2025, newest, normal quality, score_5, highres, safe, 1girl, smile",
        "safe. A girl runs. from above, masterpiece",
        "touhou, kirisame marisa",  # ANI302 reports this prompt, ANI303 the next
        "1girl, smile, @wlop",
        "lily strosek, lyrical nanoha, smile",  # an unknown name before a series is most likely its character
        "my trigger, masterpiece, 1girl, smile",  # the section of an unknown name is not known
    ),
    fix=Safety.UNSAFE,
    check=check,
    roles=POSITIVE,
)
