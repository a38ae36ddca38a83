"""A JSON or YAML object as a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import IMAGE_ROLES, Finding, Rule, finding_at, plain

_KEYED = re.compile(r"\s*[\"']?[A-Za-z_][\w ]*[\"']?\s*:\s*")


def check(context: Context) -> Iterator[Finding]:
    """Flag a prompt that is a JSON object or list, or three or more lines of ``key: value``."""
    import json

    text = context.source.strip()
    if text.startswith(("{", "[")) and text.endswith(("}", "]")) and ":" in text and '"' in text:
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return
        yield finding_at((0, len(context.source)), "the prompt is JSON; write its values as tags and sentences")
        return
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 2 and sum(_KEYED.match(line) is not None for line in lines) >= len(lines) - 1:
        yield finding_at(
            (0, len(context.source)),
            "the prompt is a list of 'key: value' lines; write the values as tags and sentences",
        )


RULE = Rule(
    code="ANI213",
    name="json-prompt",
    severity=Severity.WARNING,
    reason="The model reads braces, quotes and keys as text, and images get worse the more of them a prompt has. "
    "'anima-prompt build' converts a structured file to a prompt.",
    bad=plain('{"subject": "1girl", "style": "anime"}', "subject: 1girl\nstyle: anime\nmood: calm"),
    good=plain("1girl, anime coloring", "1girl, {red|blue} hair"),
    check=check,
    needs=":",
    roles=IMAGE_ROLES,
)
