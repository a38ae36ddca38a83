"""``# anima: ignore ANI601 reason``: what a writer wants left alone.

A comment line takes back the named rules for its whole prompt. Knows comment lines; knows nothing of files.
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
    """One comment: its span, and the codes and names that it takes back; none means that it says nothing usable."""

    start: int
    end: int
    selectors: tuple[str, ...]

    def covers(self, diagnostic: Diagnostic) -> bool:
        """Say whether the comment takes a diagnostic back."""
        return any(
            s in ("ALL", diagnostic.name) or (s[-1:].isdigit() and diagnostic.code.startswith(s))
            for s in self.selectors
        )

    def names(self, rule: Rule) -> bool:
        """Say whether the comment is about a rule."""
        return any(s in ("ALL", rule.name) or (s[-1:].isdigit() and rule.code.startswith(s)) for s in self.selectors)


def is_suppression(comment: str) -> bool:
    """Say whether a comment line speaks to the linter.

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
    found = []
    offset = 0
    for line in text.splitlines(keepends=True):
        match = _LINE.match(line)
        if match:
            found.append(Suppression(offset + match.start(), offset + match.end(), _selectors(match["rest"])))
        offset += len(line)
    return found


def _selectors(rest: str) -> tuple[str, ...]:
    """Return the codes and names that lead the line; the reason follows."""
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
    given = tuple(comments)
    covering: dict[tuple[str, str], list[int]] = {}
    used: set[int] = set()
    kept = []
    for diagnostic in diagnostics:
        rule = diagnostic.code, diagnostic.name
        if rule not in covering:  # asked once for a rule: a text may have thousands of findings and of comments
            covering[rule] = [place for place, comment in enumerate(given) if comment.covers(diagnostic)]
            used.update(covering[rule])
        if not covering[rule]:
            kept.append(diagnostic)
    return kept, [comment for place, comment in enumerate(given) if place not in used]
