"""An artist behind the general tags."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import POSITIVE, Finding, Rule, found, plain, quoted
from anima_prompt.sections import Section


def check(context: Context) -> Iterator[Finding]:
    """Look at artists with three and more general tags in front of them."""
    general = 0
    for item in context.items:
        if item.closing:
            return
        if item.section is Section.GENERAL:
            general += 1
        elif item.facts.artist and general >= 1:
            yield found(
                item, f"{quoted(item.text)} stands behind general tags; artists come before them in the captions"
            )
            return


RULE = Rule(
    code="ANI303",
    name="artist-after-general",
    severity=Severity.INFO,
    reason="The captions have artists in front of the general tags. Many prompts for LoRAs do it otherwise, and it "
    "works. Source: model card.",
    bad=plain("1girl, smile, @wlop"),
    good=plain("1girl, @wlop, smile", "@wlop, 1girl, smile"),
    check=check,
    needs="@",
    roles=POSITIVE,
)
