"""``<fromto:…>`` and other syntax of SwarmUI."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import Example, Finding, Rule, finding_at, plain, quoted

_REFERENCE = re.compile(
    r"<(?:alternate|alt|fromto|random|wildcard|segment|region|object|clear|setvar|var|setmacro|macro|trigger|param|repeat"
    r"|preset|p|embed|embedding|break|comment|clip|base|refiner|video)(?:\[[^\]\n]*\])?(?::[^<>\n]*)?>"
)


def check(context: Context) -> Iterator[Finding]:
    """Flag ``<name:…>`` that is not a LoRA, nested ones once; where the dialect has no markup, by SwarmUI's names."""
    spans = [(node.start, node.end) for node in context.dynamics if node.kind == "directive"]
    spans += [(node.start, node.end) for node, _, _ in context.embeddings if node.text.startswith("<")]
    dialect = context.environment.dialect
    if not dialect.reads_weights:
        spans = [match.span() for match in _REFERENCE.finditer(context.source)]
    title, reads = dialect.label, "reads" if dialect.reads_weights else "read"
    for start, end in sorted(spans):
        text = context.source[start:end]
        yield finding_at(
            (start, end), f"{title} {reads} the SwarmUI syntax {quoted(text)} as text; resolve it in SwarmUI first"
        )


RULE = Rule(
    code="ANI126",
    name="reference-foreign",
    severity=Severity.WARNING,
    reason="SwarmUI resolves such references before the prompt reaches the model; other front ends read them as text.",
    bad=(
        *plain("1girl, <fromto[0.5]:hat,cap>", "1girl, <random:hat,<wildcard:caps>>", "1girl, <embed:foo_bar>"),
        Example("1girl, <random:hat,cap>", dialect=Dialect.PLAIN),
    ),
    good=plain("1girl, >_<", "1girl, <|>_<|>", "1girl, <3", "1girl, <lora:x:1>", "1girl, <o>_<o>"),
    check=check,
    needs="<",
)
