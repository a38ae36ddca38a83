"""``>:(``: a face whose parenthesis opens a weight."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Example, Finding, Rule, Safety, finding_at, plain, quoted

_LIVE = re.compile(r"(?<!\\)[()]")


def check_tag(facts: Facts, environment: Environment) -> Iterator[Finding]:
    """Flag an unescaped parenthesis in a tag that the parser reads as a face."""
    if facts.everyday or facts.artist:
        return
    title = environment.dialect.label
    right = _LIVE.sub(lambda match: f"\\{match.group()}", facts.text)
    if right != facts.text:
        yield finding_at(
            (0, len(facts.text)),
            f"{title} may read the parenthesis of this face as a weight; write {quoted(right)}",
            write=right,
        )


RULE = Rule(
    code="ANI129",
    name="paren-in-face",
    severity=Severity.INFO,
    reason="Front ends do not recognize faces: '>:(' opens a weight that extends to the next ')', if the prompt contains one. Measured "
    "on ComfyUI 0.29.0.",
    bad=(Example("1girl, >:(, hat", r"1girl, >:\(, hat"),),
    good=plain(r"1girl, >:\(, hat", "1girl, :3, ;d"),
    fix=Safety.SAFE,
    check_tag=check_tag,
    dialects=frozenset((Dialect.COMFYUI, Dialect.INVOKEAI, Dialect.A1111)),
)
