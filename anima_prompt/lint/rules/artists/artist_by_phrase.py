"""``by wlop``, ``style of wlop``: an artist named in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import escape, spaced, text_to_name
from anima_prompt.sections import Section

_PHRASE = re.compile(
    r"(?:(?:art(?:work)?|drawn|illustrated|painted|painting|illustration)\s+)?by\s+(?P<by>.+)"
    r"|(?:in\s+)?(?:the\s+)?(?:art\s*)?style\s+(?:of|by)\s+(?P<of>.+)|artist\s*[:=]\s*(?P<label>.+)|artist\s+(?P<artist>.+)"
    r"|(?P<style>.+?)(?:'s)?\s+(?:art\s*)?style",
    re.IGNORECASE,
)


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag a tag that names a known artist in words, or any artist as ``artist:name``."""
    if facts.artist or facts.entry is not None or (" " not in facts.literal and ":" not in facts.literal):
        return
    match = _PHRASE.fullmatch(facts.literal)
    if match is None:
        return
    name = next(group for group in match.groups() if group).strip().removeprefix("@")
    entry = environment.vocabulary.lookup(text_to_name(name, Dialect.PLAIN))
    known = entry is not None and entry.section is Section.ARTIST
    if known or match["label"]:
        right = (
            f"@{escape(spaced(entry.trained if known and entry is not None else name.lower()), environment.dialect)}"
        )
        yield finding_at(
            (0, len(facts.text)), f"artists are written with '@', not in words; write {quoted(right)}", write=right
        )


RULE = Rule(
    code="ANI505",
    name="artist-by-phrase",
    severity=Severity.WARNING,
    reason="The training captions name artists as @name, without 'by' or 'style of'. Source: model card.",
    bad=(
        Example("1girl, by wlop, smile", "1girl, @wlop, smile"),
        *plain("1girl, in the style of wlop", "1girl, artist:wlop", "1girl, (wlop style:1.5)"),
    ),
    good=plain("1girl, @wlop", "1girl, side by side", "1girl, chibi style", "1girl, by the sea"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
