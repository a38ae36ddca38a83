"""``@hatsune miku``: an ``@`` before a name that is not an artist's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.sections import Section

_STUDIO = re.compile(r"(?:studio|production|animation|pictures|works|inc|co\.|ltd)\b|\bstudios?$", re.IGNORECASE)


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag ``@`` before a known tag that is not an artist, or before a studio."""
    if not facts.artist or facts.entry is not None or "@" in facts.text[1:]:
        return
    entry = environment.vocabulary.lookup(facts.name)
    right = facts.text[1:]
    studio = _STUDIO.match(facts.literal[1:]) is not None and " " in facts.literal
    if entry is not None and (entry.category in ("character", "copyright") or entry.section is not Section.GENERAL):
        message = f"{quoted(right)} is a {entry.section.value} tag, not an artist; remove the '@'"
        yield finding_at((0, len(facts.text)), message, write=right)
    elif entry is not None:
        message = f"{quoted(right)} is a general tag, not a known artist; remove the '@'"
        yield finding_at((0, len(facts.text)), message, write=right)
    elif studio:
        yield finding_at((0, len(facts.text)), "a studio is not an artist; remove the '@'", write=right)


RULE = Rule(
    code="ANI509",
    name="at-on-nonartist",
    severity=Severity.WARNING,
    reason="'@' only marks artists; before a character, a series or a studio it makes an unknown name. "
    "Source: model card.",
    bad=(
        Example("1girl, @hatsune miku, smile", "1girl, hatsune miku, smile"),
        *plain("1girl, @studio ghibli", "1girl, @smile"),
    ),
    good=plain("1girl, hatsune miku", "1girl, @wlop", "1girl, @my_trigger"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
