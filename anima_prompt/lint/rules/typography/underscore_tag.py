"""``looking_at_viewer``: underscores instead of spaces."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import spaced
from anima_prompt.prompt.spelling import is_name


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag underscores in known or live names and in lower-case words; other names may be LoRA triggers."""
    if "_" not in facts.text or facts.artist or facts.name in environment.words:
        return
    right = spaced(facts.text)
    if right == facts.text or facts.name.startswith("year_") or (facts.entry is not None and facts.entry.write):
        return  # year-format and the rules for other models' tags report these
    sure = is_name(facts.literal, environment.vocabulary)
    if sure or (re.fullmatch(r"[a-z]+(?:_[a-z]+)+", facts.text) and environment.role != "caption"):
        message = (
            f"write {quoted(right)}" if sure else f"write {quoted(right)}, unless it is the trigger word of a LoRA"
        )
        yield finding_at(
            (0, len(facts.text)), f"tags are written with spaces, not underscores; {message}", write=right, safe=sure
        )


RULE = Rule(
    code="ANI202",
    name="underscore-tag",
    severity=Severity.WARNING,
    reason="The training captions have spaces; only scores and faces have underscores. Source: model card. An unknown "
    "name may be the trigger word of a LoRA, so its fix is unsafe.",
    bad=(
        Example("1girl, looking_at_viewer, smile", "1girl, looking at viewer, smile"),
        Example("1girl, my_own_thing", "1girl, my own thing"),
    ),
    good=plain("1girl, looking at viewer", "score_7, @_@, ^_^, o_o", "1girl, @haiz_ai", "1girl, style_v2"),
    fix=Safety.SAFE,
    check_tag=check_tag,
)
