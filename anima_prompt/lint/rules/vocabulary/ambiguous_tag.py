"""A character's name without the qualifier that tells several apart."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import Finding, Rule, found, plain, quoted
from anima_prompt.lint.scope import Facts, Scope
from anima_prompt.names import name_to_text
from anima_prompt.sections import Section


def check_tag(facts: Facts, scope: Scope) -> Iterator[Finding]:
    """Look at unknown names that are known with a qualifier; which one is meant is the writer's to say."""
    if facts.entry is not None or facts.artist or facts.section is not Section.GENERAL or len(facts.name) < 3:
        return
    if facts.name in scope.words or not facts.everyday:
        return
    forms = [f for f in scope.vocabulary.complete(f"{facts.name}_(", limit=4) if f.startswith(f"{facts.name}_(")]
    if forms:
        advice = " or ".join(quoted(name_to_text(form, scope.dialect)) for form in forms[:3])
        yield found((0, len(facts.text)), f"{quoted(facts.text)} is known with a qualifier: {advice}")


RULE = Rule(
    code="ANI610",
    name="ambiguous-tag",
    severity=Severity.INFO,
    reason="Danbooru tells names apart by a qualifier, and the captions had it; the bare name may be nobody or "
    "somebody else.",
    bad=plain("1girl, yamakaze, smile"),
    good=plain(r"1girl, yamakaze \(kancolle\), smile", "1girl, smile"),
    check_tag=check_tag,
)
