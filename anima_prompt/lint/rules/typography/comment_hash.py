"""Comment lines that the front end does not remove."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import IMAGE_ROLES, Finding, Rule, finding_at, plain


def check(context: Context) -> Iterator[Finding]:
    """Flag a comment line, unless it is a suppression comment."""
    from anima_prompt.lint.suppression import is_suppression

    dialect = context.environment.dialect
    label, reads = dialect.label, "reads" if dialect.reads_weights else "read"
    for node in context.comments:
        if not is_suppression(node.text):
            yield finding_at(node, f"{label} {reads} comment lines as part of the prompt; delete the line")


RULE = Rule(
    code="ANI211",
    name="comment-hash",
    severity=Severity.WARNING,
    reason="No front end removes comment lines: the model reads them as part of the prompt.",
    bad=plain("# my best prompt\n1girl, smile", "// later: add a hat\n1girl"),
    good=plain("1girl, smile", "# anima: ignore ANI202 a trigger\n1girl, a_b"),
    check=check,
    needs="#/",
    roles=IMAGE_ROLES,
)
