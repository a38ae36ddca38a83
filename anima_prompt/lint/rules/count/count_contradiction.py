"""Count tags that cannot both be true."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context, people_of
from anima_prompt.lint.document import Role
from anima_prompt.lint.rule import WANTED, Example, Finding, Rule, found, plain, quoted

_SEVERAL = frozenset(("multiple_girls", "multiple_boys", "multiple_others", "crowd", "couple"))


def check(context: Context) -> Iterator[Finding]:
    """Compare the count tags with each other and with ``solo``."""
    names = context.by_name
    counted = [item for item in context.items if people_of(item.name)]
    if "no_humans" in names and counted:
        yield found(counted[0], f"{quoted(counted[0].text)} contradicts 'no humans'; keep one")
    for kind in ("girl", "boy", "other"):
        same = [item for item in counted if kind in item.name]
        if len({item.name for item in same}) > 1:
            yield found(same[1], f"{quoted(same[1].text)} contradicts {quoted(same[0].text)}; keep one")
    solo = names.get("solo")
    if solo is None or "multiple_views" in names:
        return
    many = next((item for item in context.items if people_of(item.name) > 1 or item.name in _SEVERAL), None)
    if many is not None:
        yield found(solo, f"'solo' contradicts {quoted(many.text)}; keep one")
    elif len({item.name for item in counted}) > 1:
        yield found(solo, f"'solo' contradicts {quoted(counted[1].text)}; keep one")


RULE = Rule(
    code="ANI416",
    name="count-contradiction",
    severity=Severity.ERROR,
    reason="A picture has one number of girls and one of boys, and 'solo' means one person in all. '1boy, 2girls' is "
    "three people.",
    bad=plain("solo, 2girls, smile", "no humans, 1girl", "1girl, 2girls", "solo, 1girl, 1boy"),
    good=(
        *plain("solo, 1girl", "1boy, 2girls", "2girls, multiple girls", "solo, 1girl, multiple views"),
        Example("1girl, 2girls, 3girls, solo", role=Role.NEGATIVE),
    ),
    check=check,
    roles=WANTED,
)
