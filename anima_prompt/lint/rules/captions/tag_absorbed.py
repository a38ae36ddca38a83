"""A tag in nearly every caption."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files, quoted
from anima_prompt.lint.set_context import FEW, SetContext, SetFinding
from anima_prompt.names import text_to_name
from anima_prompt.sections import Section

SHARE = 0.95
_EXPECTED = frozenset((Section.QUALITY, Section.META, Section.YEAR, Section.SAFETY, Section.COUNT, Section.DATASET))


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag a general, character, series or artist tag in over 95 % of the captions with tags, in a set of ten or more."""
    tagged = sum(1 for _ in context.tagged)
    if tagged < FEW:
        return
    trigger = text_to_name(context.trigger) if context.trigger else ""
    totals: dict[str, int] = {}
    for name, forms in context.forms.items():
        totals[name] = sum(form.count for form in forms)
    for name, total in sorted(totals.items(), key=lambda pair: (-pair[1], pair[0])):
        form = context.forms[name][0]
        section = context.table[form.id].section
        if total <= SHARE * tagged or section in _EXPECTED or context.table[form.id].name == trigger:
            continue
        into = f"the trigger {quoted(context.trigger)}" if trigger else "a trigger"
        message = (
            f"{quoted(form.text)} is in {total:,} of {tagged:,} captions; remove it to let {into} absorb it, keep it to be "
            "able to change it in prompts"
        )
        yield context.at(context.first[form.id], form.id, message)


RULE = Rule(
    code="CAP303",
    name="tag-absorbed",
    severity=Severity.INFO,
    reason="What every caption says is tied to all that the images share. Removed tags go to the trigger; tags that "
    "stay must be prompted again. Both are right: the choice is yours.",
    bad=files(*(line for n in range(10) for line in (f"{n}.png", f"{n}.txt: mychar, 1girl, red hat, {n} smiles"))),
    good=files("a.png", "a.txt: 1girl, red hat", "b.png", "b.txt: 1girl"),
    check_set=check_set,
    roles=CAPTION,
)
