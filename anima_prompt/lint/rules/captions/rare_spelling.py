"""An unknown tag that is one letter away from a frequent one of the same set."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files, quoted
from anima_prompt.lint.set_context import Form, SetContext, SetFinding
from anima_prompt.vocabulary.live_names import is_live

_FEWEST = 3
_TIMES = 5
_SHORTEST = 5


def check_set(context: SetContext) -> Iterator[SetFinding]:
    """Flag an unknown tag one edit from a tag that is in five times as many captions, and in three at least."""
    frequent: dict[str, list[Form]] = {}
    rare = []
    for name, forms in context.forms.items():
        count = sum(form.count for form in forms)
        form = Form(forms[0].id, forms[0].text, count)
        if count >= _FEWEST and len(name) >= _SHORTEST:
            for part in _halves(name):
                frequent.setdefault(part, []).append(form)
        facts = context.table[form.id]
        if facts.entry is None and not facts.artist and len(name) >= _SHORTEST and not is_live(name):
            rare.append((name, form))
    for name, form in rare:
        near = _nearest(name, form, frequent, context)
        if near is not None:
            message = f"{quoted(form.text)} is one letter from {quoted(near.text)}, which {near.count:,} captions have"
            yield context.at(context.first[form.id], form.id, message)


def _halves(name: str) -> tuple[str, str]:
    """Return two pieces of which one is in every text that is one edit away at the other end."""
    return f"^{name[:2]}", f"{name[-2:]}$"


def _nearest(name: str, form: Form, frequent: dict[str, list[Form]], context: SetContext) -> Form | None:
    from rapidfuzz.distance import OSA

    for part in _halves(name):
        for other in frequent.get(part, ()):
            text = context.names[other.id]
            if (
                other.count >= _TIMES * form.count
                and abs(len(text) - len(name)) <= 1
                and not _digits_differ(text, name)
                and OSA.distance(text, name, score_cutoff=1) == 1
            ):
                return other
    return None


def _digits_differ(first: str, second: str) -> bool:
    return [char for char in first if char.isdigit()] != [char for char in second if char.isdigit()]


RULE = Rule(
    code="CAP305",
    name="rare-spelling",
    severity=Severity.WARNING,
    reason="In a set, the frequent spelling is the right one, even for words that no vocabulary knows: triggers, outfits.",
    bad=files(*(line for n in range(6) for line in (f"{n}.png", f"{n}.txt: 1girl, qzvoutfi{'r' if n == 3 else 't'}"))),
    good=files(*(line for n in range(6) for line in (f"{n}.png", f"{n}.txt: 1girl, qzvoutfit {n // 3}"))),
    check_set=check_set,
    roles=CAPTION,
)
