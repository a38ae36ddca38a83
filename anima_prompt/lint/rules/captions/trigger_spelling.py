"""A trigger word in several spellings."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files, quoted
from anima_prompt.lint.set_context import SetContext, SetFinding


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag the trigger with other case, underscores or spaces than in the option."""
    if not context.trigger:
        return
    written = (context.trigger, context.trigger.replace("(", "\\(").replace(")", "\\)"))
    other = frozenset(number for number in context.trigger_forms if context.table[number].text not in written)
    for caption in context.captions_with(other) if other else ():
        number = next(number for number in context.tags[caption] if number in other)
        text = context.table[number].text
        yield context.at(caption, number, f"the trigger is written {quoted(text)}; write {quoted(context.trigger)}")


RULE = Rule(
    code="CAP204",
    name="trigger-spelling",
    severity=Severity.WARNING,
    reason="Capitals and underscores make other tokens: the model learns two words for one thing.",
    bad=files("--trigger my_char", "a.png", "a.txt: my char, 1girl", "b.png", "b.txt: MyChar, 1girl"),
    good=files("--trigger my_char", "a.png", "a.txt: my_char, 1girl"),
    check_set=check_set,
    roles=CAPTION,
)
