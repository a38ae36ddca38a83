"""An artist under a name that the training captions do not have."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.names import name_to_text


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag an artist under another name than in the training captions."""
    entry = facts.entry
    if facts.artist and entry is not None and entry.trained != facts.name:
        right = f"@{name_to_text(entry.trained, environment.dialect)}"
        yield finding_at(
            (0, len(facts.text)), f"the model knows this artist as {quoted(right)}; write that name", write=right
        )


RULE = Rule(
    code="ANI511",
    name="artist-alias",
    severity=Severity.INFO,
    reason="The model knows an artist by the name in the training captions; other names are unknown words. For artists that "
    "Danbooru has renamed, measurements show that the model knows the old name.",
    bad=(Example("1girl, @madartist", "1girl, @ilya kuvshinov"), Example("1girl, @katou itsuwa", "1girl, @noy")),
    good=plain("1girl, @wlop", "1girl, @noy"),
    fix=Safety.UNSAFE,
    check_tag=check_tag,
)
