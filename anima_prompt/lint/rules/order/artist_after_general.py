"""An artist after the general tags."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.order import in_order, is_unknown
from anima_prompt.lint.rule import POSITIVE, Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.sections import Section


def check(context: Context) -> Iterator[Finding]:
    """Flag the first artist that comes after a known general tag; unknown names do not count."""
    general = False
    for item in context.items:
        if item.closing:
            return
        general = general or (item.section is Section.GENERAL and not is_unknown(item))
        if item.facts.artist and general:
            message = f"{quoted(item.text)} comes after general tags; move it before them, as in the training captions"
            yield finding_at(item, message, edits=in_order(context))
            return


RULE = Rule(
    code="ANI303",
    name="artist-after-general",
    severity=Severity.INFO,
    reason="The training captions have artists before the general tags. Other positions work too; many prompts for LoRAs "
    "use them. Source: model card.",
    bad=(Example("1girl, smile, @wlop", "1girl, @wlop, smile"),),
    good=plain("1girl, @wlop, smile", "@wlop, 1girl, smile", "lily strosek, lyrical nanoha, @wlop, smile"),
    fix=Safety.UNSAFE,
    check=check,
    needs="@",
    roles=POSITIVE,
)
