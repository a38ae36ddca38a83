"""A trigger word that the model knows already."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files, quoted
from anima_prompt.lint.set_context import SetContext, SetFinding
from anima_prompt.names import text_to_name
from anima_prompt.vocabulary.live_names import is_live, is_word


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag a trigger that is a known tag, a live name of Danbooru, or an English word."""
    if not context.trigger or not len(context):
        return
    name = text_to_name(context.trigger.removeprefix("@"))
    entry = context.environment.vocabulary.lookup(name)
    if entry is not None:
        what = f"is known as {entry.section.value}"
    elif is_live(name):
        what = "is a tag of Danbooru"
    elif name.isalpha() and is_word(name):
        what = "is a word of English"
    else:
        return
    message = f"the trigger {quoted(context.trigger)} {what}; the model has a meaning for it, choose an unknown word"
    yield SetFinding(message, path=context.sources[0])


RULE = Rule(
    code="CAP203",
    name="trigger-known",
    severity=Severity.WARNING,
    reason="Training pulls against what the model knows by that name; a known name is right only to change it.",
    bad=files("--trigger smile", "a.png", "a.txt: smile, 1girl"),
    good=files("--trigger qzvmychar", "a.png", "a.txt: qzvmychar, 1girl"),
    check_set=check_set,
    roles=CAPTION,
)
