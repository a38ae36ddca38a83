"""``@@wlop``, a lone ``@``."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import keeps_underscores


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag a second ``@`` and a lone ``@``, unless the artist is known by that name (``@@ichigo``)."""
    text = facts.text
    if "@" not in text or keeps_underscores(text) or facts.entry is not None:
        return
    if text == "@":
        yield finding_at((0, 1), "'@' without a name; add the artist name or remove it")
    elif text.startswith("@@"):
        right = "@" + text.lstrip("@")
        yield finding_at((0, len(text)), f"an artist has a single '@'; write {quoted(right)}", write=right)


RULE = Rule(
    code="ANI508",
    name="artist-double-at",
    severity=Severity.ERROR,
    reason="A second '@' makes an unknown name. The only artist whose name begins with '@' passes.",
    bad=(
        Example("1girl, @@wlop", "1girl, @wlop"),
        *plain("1girl, @, hat"),
    ),
    good=plain("1girl, @wlop", "1girl, @_@", "1girl, >_@"),
    fix=Safety.SAFE,
    check_tag=check_tag,
)
