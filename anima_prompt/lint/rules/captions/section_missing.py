"""Captions without a count, a safety tag or an artist in a set where the others have one."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, CheckSet, Rule, files
from anima_prompt.lint.set_context import SetContext, SetFinding
from anima_prompt.sections import Section

_SHARE = 0.5


def _check(section: Section, what: str, advice: str) -> CheckSet:
    def check_set(context: SetContext) -> Iterator[SetFinding]:
        """Flag captions with tags but none of the section, if at least half of the set has one."""
        tagged = list(context.tagged)
        lacking = [caption for caption in tagged if section not in context.sections[caption]]
        if not lacking or len(lacking) > _SHARE * len(tagged):
            return
        having = len(tagged) - len(lacking)
        for caption in lacking:
            yield SetFinding(f"{what} is missing, which {having:,} of {len(tagged):,} captions have; {advice}", caption)

    return check_set


def _rule(code: str, section: Section, what: str, advice: str, tag: str) -> Rule:
    return Rule(
        code=code,
        name=f"set-missing-{section.value}",
        severity=Severity.INFO,
        reason=f"If only some captions have {what}, its absence is learned too, as if it meant something.",
        bad=files("a.png", f"a.txt: {tag}, smile", "b.png", f"b.txt: {tag}, hat", "c.png", "c.txt: smile, hat"),
        good=files("a.png", "a.txt: smile, hat", "b.png", "b.txt: A girl waves at the crowd."),
        check_set=_check(section, what, advice),
        roles=CAPTION,
    )


RULES = (
    _rule("CAP306", Section.COUNT, "a count tag", "write 1girl, 2boys, no humans or the like", "1girl"),
    _rule("CAP307", Section.SAFETY, "a safety tag", "write safe, sensitive, nsfw or explicit", "safe"),
    _rule("CAP308", Section.ARTIST, "an artist", "write @ and the name", "@wlop"),
)
