"""``@@wlop``, ``@a@b``, a lone ``@``."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, found, plain, quoted
from anima_prompt.names import keeps_underscores


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag a second ``@`` and a lone ``@``, unless the artist is known by that name (``@@ichigo``)."""
    text = facts.text
    if "@" not in text or keeps_underscores(text) or facts.entry is not None:
        return
    if text == "@":
        yield found((0, 1), "an '@' without a name; write the artist behind it, or remove it")
    elif text.startswith("@@"):
        right = "@" + text.lstrip("@")
        yield found((0, len(text)), f"one '@' is enough; write {quoted(right)}", write=right)
    elif facts.artist and "@" in text[1:] and " @" not in text:
        right = "@" + text[1:].replace("@", ", @")
        yield found((0, len(text)), f"a comma is missing between the artists; write {quoted(right)}", write=right)


RULE = Rule(
    code="ANI508",
    name="artist-double-at",
    severity=Severity.ERROR,
    reason="A second '@' makes another name. The one artist whose name begins with it is known.",
    bad=(
        Example("1girl, @@wlop", "1girl, @wlop"),
        Example("1girl, @wlop@kantoku", "1girl, @wlop, @kantoku"),
        *plain("1girl, @, hat"),
    ),
    good=plain("1girl, @wlop", "1girl, @_@", "1girl, >_@"),
    fix=Safety.SAFE,
    check_tag=check_tag,
)
