"""``rating:safe``, ``general``: a rating of another site or model."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.document import Role
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import IMAGE_ROLES, Example, Finding, Rule, Safety, finding_at, plain, quoted


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag a rating of another site or model, such as ``rating:safe``."""
    entry = facts.entry
    if entry is not None and entry.group == "safety/foreign":
        message = f"{quoted(facts.text)} is not a safety tag of Anima; write '{entry.write}'"
        yield finding_at((0, len(facts.text)), message, write=entry.write)


RULE = Rule(
    code="ANI412",
    name="safety-foreign",
    severity=Severity.WARNING,
    reason="The safety tags of the training captions are safe, sensitive, nsfw and explicit. Danbooru's rating general is "
    "safe, questionable is nsfw. Your own training captions may keep the site's ratings. Source: model card.",
    bad=(Example("rating_safe, 1girl", "safe, 1girl"), *plain("sfw, 1girl", "rating:general, 1girl")),
    good=(*plain("safe, 1girl"), Example("1girl, general", role=Role.CAPTION)),
    fix=Safety.SAFE,
    check_tag=check_tag,
    roles=IMAGE_ROLES,
)
