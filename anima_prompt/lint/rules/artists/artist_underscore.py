"""``@shinkawa_youji``: underscores in a known artist's name."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import spaced


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag a known artist whose name contains underscores; an unknown one may be a LoRA's trigger."""
    if not facts.artist or facts.entry is None or "_" not in facts.text:
        return
    right = "@" + spaced(facts.text[1:])
    if right != facts.text:
        yield finding_at(
            (0, len(facts.text)),
            f"artist names are written with spaces, not underscores; write {quoted(right)}",
            write=right,
        )


RULE = Rule(
    code="ANI503",
    name="artist-underscore",
    severity=Severity.WARNING,
    reason="The training captions have spaces in artist names. LoRA triggers such as @haiz_ai keep their underscores. "
    "Source: model card.",
    bad=(Example("1girl, @shinkawa_youji", "1girl, @shinkawa youji"),),
    good=plain("1girl, @shinkawa youji", "1girl, @haiz_ai"),
    fix=Safety.SAFE,
    check_tag=check_tag,
)
