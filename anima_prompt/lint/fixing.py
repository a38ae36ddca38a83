"""Apply fixes: text edits that do not overlap, in passes, until nothing changes."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import accumulate

from anima_prompt.diagnostics import Diagnostic, Edit, Fix
from anima_prompt.lint.document import Document

MOST_PASSES = 10
_AFTER_ALL = 1 << 62


@dataclass(frozen=True, slots=True)
class Fixed:
    """A prompt with fixes applied.

    Attributes:
        prompt, negative: the new texts.
        applied: diagnostics whose fixes were applied, in the order of the passes.
        diagnostics: remaining diagnostics.
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
    is_allowed: Callable[[Diagnostic], bool],
) -> Fixed:
    """Fix a prompt.

    Args:
        check: returns the diagnostics of a document.
        unsafe: whether to apply fixes that may change the image.
        is_allowed: whether the fixes of a diagnostic may be applied.
    """
    applied: list[Diagnostic] = []
    seen = {(document.prompt, document.negative)}
    diagnostics = check(document)
    for _ in range(MOST_PASSES):
        chosen = _chosen((d for d in diagnostics if is_allowed(d)), unsafe=unsafe)
        if not chosen:
            break
        changed = _applied(document, [edit for _, fix in chosen for edit in fix.edits])
        if (changed.prompt, changed.negative) in seen:  # two rules that undo each other must not loop forever
            break
        seen.add((changed.prompt, changed.negative))
        applied += [diagnostic for diagnostic, _ in chosen]
        document = changed
        diagnostics = check(document)
    return Fixed(document.prompt, document.negative, tuple(applied), tuple(diagnostics))


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
    """Spans that no fix may change; they may nest. A query takes logarithmic time."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        """Sort the spans by start, and record how far the spans up to each index reach."""
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
    """Choose the first allowed fix of every diagnostic, unless it overlaps or touches a chosen edit."""
    chosen = []
    chosen_edits = {"prompt": _Chosen(), "negative": _Chosen()}
    for diagnostic in diagnostics:
        fix = next((fix for fix in diagnostic.fixes if fix.safe or unsafe), None)
        if fix is not None and not any(chosen_edits[edit.part].touches(edit) for edit in fix.edits):
            chosen.append((diagnostic, fix))
            for edit in fix.edits:
                chosen_edits[edit.part].add(edit)
    return chosen


class _Chosen:
    """Chosen edits of one text: they do not overlap, so the ends are sorted like the starts."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    def touches(self, edit: Edit) -> bool:
        """Return whether an edit overlaps or touches a chosen edit; such an edit waits for the next pass."""
        last = bisect_right(self._spans, (edit.end, _AFTER_ALL))
        return last > 0 and self._spans[last - 1][1] >= edit.start

    def add(self, edit: Edit) -> None:
        """Add an edit. Most come in order, so this rarely moves any."""
        insort(self._spans, (edit.start, edit.end))


def _applied(document: Document, edits: list[Edit]) -> Document:
    prompt = apply_edits(document.prompt, [edit for edit in edits if edit.part == "prompt"])
    negative = document.negative
    negative_edits = [edit for edit in edits if edit.part == "negative"]
    if negative_edits:
        negative = apply_edits(negative or "", negative_edits)
    return replace(document, prompt=prompt, negative=negative)
