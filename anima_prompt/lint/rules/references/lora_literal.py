"""``<lora:…>`` in a front end that loads LoRAs by a node."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import IMAGE_ROLES, Example, Finding, Rule, found, plain, quoted


def check(context: Context) -> Iterator[Finding]:
    """Flag every LoRA reference; no fix removes it, because it names a file of the user's."""
    for node, _, _ in context.loras:
        yield found(node, f"{quoted(node.text)} is read as plain text here; load '{node.name}' with a LoRA node")


RULE = Rule(
    code="ANI115",
    name="lora-literal",
    severity=Severity.WARNING,
    reason="A1111's family loads a LoRA from the prompt; ComfyUI and InvokeAI give the letters to the model and load "
    "nothing.",
    bad=plain("1girl, <lora:foo_bar:0.8>, smile"),
    good=(*plain("1girl, smile"), Example("1girl, <lora:foo_bar:0.8>", dialect=Dialect.A1111)),
    check=check,
    needs="<",
    roles=IMAGE_ROLES,
    dialects=frozenset((Dialect.COMFYUI, Dialect.INVOKEAI)),
)
