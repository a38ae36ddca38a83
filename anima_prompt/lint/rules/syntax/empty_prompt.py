"""A prompt without anything to draw."""

from __future__ import annotations

from collections.abc import Iterator

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.rule import WANTED, Finding, Rule, finding_at, plain


def check(context: Context) -> Iterator[Finding]:
    """Flag a prompt without anything to draw: empty, or only separators and comments."""
    if not context.source.strip() or not (
        context.items
        or context.sentences
        or context.loras
        or context.dynamics
        or context.embeddings
        or context.malformed
        or context.quotes
        or context.keywords
        or context.datasets
        or context.brackets
    ):
        end = len(context.source)
        yield finding_at(
            (0, end), "the prompt is empty; describe the image, for example 'masterpiece, best quality, safe, 1girl'"
        )


RULE = Rule(
    code="ANI120",
    name="empty-prompt",
    severity=Severity.INFO,
    reason="With an empty prompt the image is arbitrary, and may be unsuitable.",
    bad=plain("", "  ,, ", "# only a comment"),
    good=plain("1girl", "A tree."),
    check=check,
    roles=WANTED,
)
