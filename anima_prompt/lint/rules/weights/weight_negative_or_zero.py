"""``(hat:-1)``: a weight of zero or less."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context, Weighted
from anima_prompt.lint.document import Role
from anima_prompt.lint.rule import IMAGE_ROLES, Example, Finding, Rule, Safety, finding_at, plain


def check(context: Context) -> Iterator[Finding]:
    """Flag a weight of zero or less; the fix moves the tags to the negative prompt if there is one."""
    for group in context.groups:
        weight = group.node.weight
        if weight is None or weight > 0:
            continue
        effect = (
            "blanks the words but keeps their tokens"
            if weight == 0
            else "inverts the words, which the model was not trained for"
        )
        target = "prompt" if context.role == Role.NEGATIVE else "negative prompt"
        advice = "delete them" if weight == 0 else f"move them to the {target}"
        yield finding_at(
            group.node,
            f"a weight of {weight} {effect}; {advice}",
            edits=_move(context, group) if group.inside is None else None,
        )


def _move(context: Context, group: Weighted) -> list[Edit | None]:
    removal = context.removal_at(group.level, group.place)
    if not group.node.weight:
        return [removal]
    if context.counterpart is None or context.part == "negative":
        return [None]
    inner = context.source[group.node.start + 1 : group.node.children[-1].start].strip()
    end = len(context.counterpart.source.rstrip().rstrip(","))
    return [removal, Edit(end, end, f", {inner}" if end else inner, "negative")]


RULE = Rule(
    code="ANI111",
    name="weight-negative-or-zero",
    severity=Severity.WARNING,
    reason="Without an extension such as NegPip a negative weight inverts the adapter's rows, which is not the same as "
    "a negative prompt; zero leaves empty rows. Source: ComfyUI and Forge Neo.",
    bad=(
        Example(
            "1girl, (hat:-1), smile", "1girl, smile", negative="worst quality", fixed_negative="worst quality, hat"
        ),
        Example("1girl, (hat:0), smile", "1girl, smile"),
    ),
    good=plain("1girl, (hat:0.5)", "1girl, (hat:1.5)"),
    fix=Safety.UNSAFE,
    check=check,
    needs="(",
    roles=IMAGE_ROLES,
)
