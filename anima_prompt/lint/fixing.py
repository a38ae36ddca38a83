"""Apply fixes: text edits that do not overlap, round by round, until nothing changes."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import accumulate

from anima_prompt.diagnostics import Diagnostic, Edit, Fix
from anima_prompt.lint.document import Document

MOST_ROUNDS = 10
_BEHIND_ALL = 1 << 62


@dataclass(frozen=True, slots=True)
class Fixed:
    """What fixing made of a prompt.

    Attributes:
        prompt, negative: the new texts.
        applied: diagnostics whose fixes were applied, in the order of the rounds.
        diagnostics: what is left.
    """

    prompt: str
    negative: str | None
    applied: tuple[Diagnostic, ...]
    diagnostics: tuple[Diagnostic, ...]


def fix_document(
    document: Document,
    check: Callable[[Document], list[Diagnostic]],
    *,
    unsafe: bool,
    keep: Callable[[Diagnostic], bool],
) -> Fixed:
    """Fix a prompt.

    Args:
        check: finds diagnostics.
        unsafe: whether fixes that change the picture are wanted.
        keep: says whether a diagnostic's fixes are allowed.
    """
    applied: list[Diagnostic] = []
    seen = {(document.prompt, document.negative)}
    found = check(document)
    for _ in range(MOST_ROUNDS):
        chosen = _chosen((d for d in found if keep(d)), unsafe=unsafe)
        if not chosen:
            break
        changed = _applied(document, [edit for _, fix in chosen for edit in fix.edits])
        if (changed.prompt, changed.negative) in seen:  # two rules that undo each other must not go on for ever
            break
        seen.add((changed.prompt, changed.negative))
        applied += [diagnostic for diagnostic, _ in chosen]
        document = changed
        found = check(document)
    return Fixed(document.prompt, document.negative, tuple(applied), tuple(found))


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Return ``text`` with edits applied; they must not overlap.

    >>> apply_edits("a_b , c", [Edit(1, 2, " "), Edit(3, 4, "")])
    'a b, c'
    """
    pieces, position = [], 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        pieces += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join((*pieces, text[position:]))


class Protected:
    """Spans that no fix may change; they may nest. A question takes the logarithm of their number."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        """Sort the spans by start, and note how far those up to each one reach."""
        ordered = sorted(spans)
        self._starts = [start for start, _ in ordered]
        self._reach = list(accumulate((end for _, end in ordered), max))

    def touches(self, edit: Edit) -> bool:
        """Return whether an edit changes a character of a span, or inserts before one."""
        last = bisect_right(self._starts, max(edit.end, edit.start + 1) - 1)
        return last > 0 and self._reach[last - 1] > edit.start


def usable(fixes: tuple[Fix, ...], protected: Protected) -> tuple[Fix, ...]:
    """Return the fixes that change nothing protected."""
    return tuple(fix for fix in fixes if not any(protected.touches(edit) for edit in fix.edits))


def _chosen(diagnostics: Iterable[Diagnostic], *, unsafe: bool) -> list[tuple[Diagnostic, Fix]]:
    """Pick the first allowed fix of every diagnostic, as long as it meets no edit that was picked before."""
    chosen = []
    taken = {"prompt": _Taken(), "negative": _Taken()}
    for diagnostic in diagnostics:
        fix = next((fix for fix in diagnostic.fixes if fix.safe or unsafe), None)
        if fix is not None and not any(taken[edit.part].meets(edit) for edit in fix.edits):
            chosen.append((diagnostic, fix))
            for edit in fix.edits:
                taken[edit.part].add(edit)
    return chosen


class _Taken:
    """Edits of one text that were picked: they do not overlap, so that the ends are sorted as the starts are."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    def meets(self, edit: Edit) -> bool:
        """Return whether an edit overlaps or touches one of these; those that touch wait for the next round."""
        last = bisect_right(self._spans, (edit.end, _BEHIND_ALL))
        return last > 0 and self._spans[last - 1][1] >= edit.start

    def add(self, edit: Edit) -> None:
        """Take an edit in. Most come in order, so that this rarely moves anything."""
        insort(self._spans, (edit.start, edit.end))


def _applied(document: Document, edits: list[Edit]) -> Document:
    prompt = apply_edits(document.prompt, [edit for edit in edits if edit.part == "prompt"])
    negative = document.negative
    beside = [edit for edit in edits if edit.part == "negative"]
    if beside:
        negative = apply_edits(negative or "", beside)
    return replace(document, prompt=prompt, negative=negative)
