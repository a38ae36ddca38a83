"""``<lora:…>`` in a front end that loads LoRAs outside the prompt."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import IMAGE_ROLES, Example, Finding, Rule, finding_at, plain, quoted

_ADVICE = {
    Dialect.COMFYUI: "load '{}' with a LoRA loader node",
    Dialect.INVOKEAI: "add '{}' in the list of LoRAs",
}


def check(context: Context) -> Iterator[Finding]:
    """Flag every LoRA reference; no fix, because only the user can load the file."""
    dialect, title = context.environment.dialect, context.environment.dialect.label
    for node, _, _ in context.loras:
        yield finding_at(node, f"{title} reads {quoted(node.text)} as text; {_ADVICE[dialect].format(node.name)}")


RULE = Rule(
    code="ANI115",
    name="lora-literal",
    severity=Severity.WARNING,
    reason="A1111-style front ends load a LoRA from the prompt; ComfyUI and InvokeAI pass the reference to the model as text "
    "and load nothing.",
    bad=plain("1girl, <lora:foo_bar:0.8>, smile"),
    good=(*plain("1girl, smile"), Example("1girl, <lora:foo_bar:0.8>", dialect=Dialect.A1111)),
    check=check,
    needs="<",
    roles=IMAGE_ROLES,
    dialects=frozenset((Dialect.COMFYUI, Dialect.INVOKEAI)),
)
