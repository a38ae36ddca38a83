"""Suppression comments: ``# anima: ignore ANI601 reason``.

A comment line suppresses the named rules for its whole prompt. Knows comment lines; knows nothing of files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from anima_prompt.diagnostics import Diagnostic
from anima_prompt.lint.rule import Rule

_LINE = re.compile(r"[^\S\n]*(?:#|//)\s*anima:\s*ignore\b(?P<rest>[^\n]*)", re.IGNORECASE)
_SELECTOR = re.compile(r"[A-Z]{3}\d{1,3}|ALL|[a-z]+(?:-[a-z0-9]+)+")


@dataclass(frozen=True, slots=True)
class Suppression:
    """A comment: its span, and the codes and names that it suppresses; empty if it names no rule."""

    start: int
    end: int
    selectors: tuple[str, ...]

    def covers(self, diagnostic: Diagnostic) -> bool:
        """Return whether the comment suppresses a diagnostic."""
        return any(
            s in ("ALL", diagnostic.name) or (s[-1:].isdigit() and diagnostic.code.startswith(s))
            for s in self.selectors
        )

    def names(self, rule: Rule) -> bool:
        """Return whether the comment is about a rule."""
        return any(s in ("ALL", rule.name) or (s[-1:].isdigit() and rule.code.startswith(s)) for s in self.selectors)


def is_suppression(comment: str) -> bool:
    """Return whether a comment line is a suppression.

    >>> is_suppression("# anima: ignore ANI601 my own word"), is_suppression("# a note")
    (True, False)
    """
    return _LINE.match(comment) is not None


def suppressions(text: str) -> list[Suppression]:
    r"""Return the suppressions in a text's comment lines.

    >>> suppressions("# anima: ignore ANI601, typo because\n1girl")[0].selectors
    ('ANI601',)
    """
    if "anima:" not in text.lower():
        return []
    parsed = []
    offset = 0
    for line in text.splitlines(keepends=True):
        match = _LINE.match(line)
        if match:
            parsed.append(Suppression(offset + match.start(), offset + match.end(), _selectors(match["rest"])))
        offset += len(line)
    return parsed


def _selectors(rest: str) -> tuple[str, ...]:
    """Return the codes and names before the reason."""
    selectors = []
    for word in rest.replace(",", " ").split():
        if not _SELECTOR.fullmatch(word):
            break
        selectors.append(word)
    return tuple(selectors)


def suppress(
    diagnostics: Iterable[Diagnostic], comments: Iterable[Suppression]
) -> tuple[list[Diagnostic], list[Suppression]]:
    """Return the diagnostics that no comment suppresses, and the comments that suppress nothing."""
    known = tuple(comments)
    covering: dict[tuple[str, str], list[int]] = {}
    used: set[int] = set()
    remaining = []
    for diagnostic in diagnostics:
        rule = diagnostic.code, diagnostic.name
        if rule not in covering:  # once per rule: a text may have thousands of findings and comments
            covering[rule] = [place for place, comment in enumerate(known) if comment.covers(diagnostic)]
            used.update(covering[rule])
        if not covering[rule]:
            remaining.append(diagnostic)
    return remaining, [comment for place, comment in enumerate(known) if place not in used]
