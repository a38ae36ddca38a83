"""One tag in several spellings."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files, quoted
from anima_prompt.lint.set_context import Form, SetContext, SetFinding
from anima_prompt.numbers import counted


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag the rarer spellings of a tag (underscores, capitals, escapes), once each."""
    for forms in context.forms.values():
        if len(forms) < 2:
            continue
        groups: dict[str, list[Form]] = {}
        for form in forms:
            groups.setdefault(context.table[form.id].name, []).append(form)
        for same in groups.values():
            for form in same[1:]:
                message = (
                    f"{quoted(form.text)} ({counted(form.count, 'caption')}) is written {quoted(same[0].text)} in "
                    f"{same[0].count:,}; use one spelling"
                )
                yield context.at(context.first[form.id], form.id, message)


RULE = Rule(
    code="CAP301",
    name="tag-spelling-mix",
    severity=Severity.WARNING,
    reason="Underscores, capitals and escapes make other tokens, so that the model learns one thing under two names.",
    bad=files(
        "a.png", "a.txt: 1girl, long_hair", "b.png", "b.txt: 1girl, long hair", "c.png", "c.txt: 1girl, long hair"
    ),
    good=files("a.png", "a.txt: 1girl, long hair, @_@", "b.png", "b.txt: 1girl, long hair"),
    check_set=check_set,
    roles=CAPTION,
)
