"""``Blue Hair``: capitals in a tag."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import spaced


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag capitals in a known tag or in English-looking words; artists and trigger words pass."""
    text = facts.text
    if facts.everyday or facts.artist or text == text.lower() or facts.name in environment.words:
        return
    if facts.entry is None and (len(text) < 3 or not _is_words(text)):
        return
    right = spaced(text.lower()) if facts.entry is not None else text.lower()
    yield finding_at((0, len(text)), f"tags are lower case; write {quoted(right)}", write=right)


def _is_words(text: str) -> bool:
    """Return whether a text consists of English-looking words, unlike triggers such as ``XYZ_v2``."""
    bare = text.replace("\\", "")
    return bool(re.fullmatch(r"[A-Za-z][a-z'-]*(?:[ _(]+[A-Za-z0-9][a-z0-9'-]*[)]*)*|[A-Z' -]{4,}", bare))


RULE = Rule(
    code="ANI201",
    name="uppercase-tag",
    severity=Severity.WARNING,
    reason="The training captions are lower case, and both tokenizers split a capitalized word differently. Source: model "
    "card.",
    bad=(
        Example("1girl, Blue Hair, smile", "1girl, blue hair, smile"),
        Example("MASTERPIECE, 1girl", "masterpiece, 1girl"),
        Example("1girl, Red_Hair", "1girl, red hair"),
    ),
    good=plain("1girl, blue hair", "1girl, XYZ_v2", "safe. Hatsune Miku is skating on a frozen lake.", "1girl, ;d, :3"),
    fix=Safety.SAFE,
    check_tag=check_tag,
)
