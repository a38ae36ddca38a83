"""Tags of one caption alone."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files, quoted
from anima_prompt.lint.set_context import FEW, SetContext, SetFinding
from anima_prompt.numbers import counted

_SHOWN = 8


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Report, once for a set of ten or more, the tags that are in one caption alone."""
    if sum(1 for _ in context.tagged) < FEW:
        return
    rare = sorted(forms[0].text for forms in context.forms.values() if sum(form.count for form in forms) == 1)
    if rare:
        shown = ", ".join(map(quoted, rare[:_SHOWN])) + (", …" if len(rare) > _SHOWN else "")
        message = f"{counted(len(rare), 'tag')} in one caption alone: {shown}; 'captions stats --csv' lists all"
        first = context.first[next(forms[0].id for forms in context.forms.values() if forms[0].text == rare[0])]
        yield SetFinding(message, path=context.sources[first])


RULE = Rule(
    code="CAP304",
    name="rare-tags",
    severity=Severity.INFO,
    reason="What one image alone says is hardly learned; often it is a slip, or the right tag is missing elsewhere.",
    bad=files(*(line for n in range(10) for line in (f"{n}.png", f"{n}.txt: 1girl{', hat' if n == 3 else ''}"))),
    good=files("a.png", "a.txt: 1girl, hat", "b.png", "b.txt: 1girl"),
    check_set=check_set,
    roles=CAPTION,
)
