"""A tag name that Danbooru has replaced."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint import words
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import name_to_text
from anima_prompt.vocabulary.live_names import is_live

_SHADES = ("light", "dark", "pale", "platinum")


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag a name that Danbooru has replaced, unless it is in use again."""
    if facts.entry is not None or facts.artist:
        return
    write = words.deprecated().get(facts.name)
    if write is None or is_live(facts.name):
        return
    choices = [name_to_text(name, environment.dialect) for name in write]
    advice = " or ".join(quoted(choice) for choice in choices)
    right = choices[0] if len(choices) == 1 and _is_shade(facts.name, write[0]) else None
    yield finding_at(
        (0, len(facts.text)),
        f"{quoted(facts.text)} is a deprecated tag that the training captions do not have; write {advice}",
        write=right,
    )


def _is_shade(old: str, new: str) -> bool:
    """Return whether ``old`` is ``new`` with a shade in front; a fix removes nothing else.

    >>> _is_shade("light_brown_hair", "brown_hair"), _is_shade("habit", "nun")
    (True, False)
    """
    shade, _, rest = old.partition("_")
    return rest == new and shade in _SHADES


RULE = Rule(
    code="ANI604",
    name="tag-deprecated",
    severity=Severity.INFO,
    reason="Old tag lists have names that Danbooru had replaced by September 2025, so the training captions do not have "
    "them. A fix at most removes a shade ('light brown hair'); other replacements are only advice.",
    bad=plain("1girl, black footwear"),
    good=plain("1girl, black boots"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
