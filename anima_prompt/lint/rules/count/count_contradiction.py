"""Count tags that cannot both be true."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context, Item, people_of
from anima_prompt.lint.document import Role
from anima_prompt.lint.rule import WANTED, Example, Finding, Rule, finding_at, plain, quoted
from anima_prompt.sections import Section
from anima_prompt.vocabulary.exclusive import DEPICTIONS

_SEVERAL = frozenset(("multiple_girls", "multiple_boys", "multiple_others", "couple"))
_CREATURE_GROUPS = ("animals", "creatures/", "vehicles")
_CREATURES = frozenset(
    "alien android animal_focus body_fur dragon humanoid_robot kaiju machinery mecha mecha_focus monster "
    "non-humanoid_robot robot scales slime_(substance) tokusatsu v-fin".split()
)
_HUMANLIKE = frozenset(("mecha_musume", "humanization", "personification", "cyborg", "dark_elf"))
_SHAPED_LIKE_ANIMALS = frozenset(
    "arthropod_boy arthropod_girl fish_girl frog_girl ghost_girl robot_boy robot_girl slime_girl".split()
)


def check(context: Context) -> Iterator[Finding]:
    """Flag count tags that contradict each other, 'no humans' or 'solo'."""
    counted = [item for item in context.items if people_of(item.name)]
    yield from _nobody(context, counted)
    for kind in ("girl", "boy", "other"):
        same = [item for item in counted if kind in item.name]
        second = next((item for item in same if people_of(item.name) != people_of(same[0].name)), None)
        if second is not None:
            message = f"{quoted(second.text)} contradicts {quoted(same[0].text)}; keep only the right number"
            yield finding_at(second, message)
    if DEPICTIONS.isdisjoint(context.by_name):
        yield from _solo(context, counted)


def _nobody(context: Context, counted: list[Item]) -> Iterator[Finding]:
    """Flag a count tag together with 'no humans', unless it may count creatures or machines."""
    if counted and "no_humans" in context.by_name and (_has_humanlike(context) or not _may_have_creature(context)):
        text = quoted(counted[0].text)
        yield finding_at(
            counted[0],
            f"{text} contradicts 'no humans'; remove {text}, or remove 'no humans' if the image shows people",
        )


def _has_humanlike(context: Context) -> bool:
    """Return whether a tag names a creature in the shape of a person, such as 'dragon girl'."""
    return any(
        name in _HUMANLIKE or (name.endswith(("_girl", "_boy")) and name not in _SHAPED_LIKE_ANIMALS)
        for name in context.by_name
    )


def _may_have_creature(context: Context) -> bool:
    """Return whether a tag may name an animal, a creature, a machine, or a character that is not a person."""
    series = context.has(Section.SERIES)
    for item in context.items:
        entry = item.entry
        if item.name in _CREATURES or item.name in _SHAPED_LIKE_ANIMALS or (entry is None and series and item.plain):
            return True  # an unknown tag next to a series is most likely its character
        if entry is not None and entry.group.startswith(_CREATURE_GROUPS):
            return True
        if entry is not None and entry.section is Section.CHARACTER and not entry.count:
            return True
    return False


def _solo(context: Context, counted: list[Item]) -> Iterator[Finding]:
    """Flag 'solo' together with tags for several people."""
    solo = context.by_name.get("solo")
    if solo is None:
        return
    several = next((item for item in context.items if people_of(item.name) > 1 or item.name in _SEVERAL), None)
    second = next((item for item in counted if item.name != counted[0].name), None)
    crowd = context.by_name.get("crowd")
    crowded = several or second or crowd
    if crowded is not None:
        doubtful = several is None and (second is None or any("other" in item.name for item in (counted[0], second)))
        yield finding_at(
            solo,
            f"'solo' contradicts {quoted(crowded.text)}; remove 'solo', or write 'solo focus' if one person is the focus",
            severity=Severity.INFO if doubtful else None,
        )


RULE = Rule(
    code="ANI416",
    name="count-contradiction",
    severity=Severity.ERROR,
    reason="An image has one number of girls and one number of boys, and 'solo' means one person in total. '1boy, 2girls' is "
    "three people. A count with 'no humans' passes if it may count creatures or robots. 'solo' with '1other' or "
    "'crowd' is information.",
    bad=plain("solo, 2girls, smile", "no humans, 1girl", "1girl, 2girls", "solo, 1girl, 1boy", "1girl, 1girl, 2girls"),
    good=(
        *plain("solo, 1girl", "1boy, 2girls", "2girls, multiple girls", "solo, 1girl, multiple views"),
        *plain("no humans, 1boy, mecha, v-fin", "2girls, solo, dual persona", "1girl, multiple girls, solo focus"),
        Example("1girl, 2girls, 3girls, solo", role=Role.NEGATIVE),
    ),
    check=check,
    roles=WANTED,
)
