"""One tag under several names."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files, quoted
from anima_prompt.lint.set_context import Form, SetContext, SetFinding
from anima_prompt.names import name_to_text


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag an alias in a set that has the tag's own name, or another alias of it, too."""
    for name, forms in context.forms.items():
        if len(forms) < 2:
            continue
        groups: dict[str, Form] = {}
        for form in forms:
            groups.setdefault(context.table[form.id].name, form)
        if len(groups) < 2:
            continue
        for alias, form in groups.items():
            if alias != name:
                message = f"{quoted(form.text)} is an alias; other captions have {quoted(name_to_text(name))}"
                yield context.at(context.first[form.id], form.id, message)


RULE = Rule(
    code="CAP302",
    name="alias-mix",
    severity=Severity.WARNING,
    reason="One thing under two names is learned twice, by half. Source: Danbooru's active aliases, 2025-09-24.",
    bad=files("a.png", "a.txt: 1girl, star eyes", "b.png", "b.txt: 1girl, +_+"),
    good=files("a.png", "a.txt: 1girl, +_+", "b.png", "b.txt: 1girl, +_+, smile"),
    check_set=check_set,
    roles=CAPTION,
)
