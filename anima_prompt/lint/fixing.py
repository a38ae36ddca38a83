"""Apply fixes: text edits that do not overlap, round by round, until nothing changes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from anima_prompt.diagnostics import Diagnostic, Edit, Fix
from anima_prompt.lint.document import Document

MOST_ROUNDS = 10


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


def usable(fixes: tuple[Fix, ...], protected: list[tuple[int, int]]) -> tuple[Fix, ...]:
    """Return the fixes that touch nothing protected; ``protected`` is sorted and may nest."""
    if not protected:
        return fixes
    return tuple(fix for fix in fixes if not any(_touches(edit, protected) for edit in fix.edits))


def _touches(edit: Edit, protected: list[tuple[int, int]]) -> bool:
    last = bisect_right(protected, (max(edit.end, edit.start + 1) - 1, 1 << 62))
    return any(end > edit.start for _, end in protected[:last])


def _chosen(diagnostics: Iterable[Diagnostic], *, unsafe: bool) -> list[tuple[Diagnostic, Fix]]:
    """Pick the first allowed fix of every diagnostic, as long as it meets no edit that was picked before."""
    chosen = []
    taken: list[Edit] = []
    for diagnostic in diagnostics:
        fix = next((fix for fix in diagnostic.fixes if fix.safe or unsafe), None)
        if fix is not None and not any(_meet(edit, other) for edit in fix.edits for other in taken):
            chosen.append((diagnostic, fix))
            taken += fix.edits
    return chosen


def _meet(one: Edit, other: Edit) -> bool:
    """Say whether two edits overlap or touch; those that touch wait for the next round."""
    return one.part == other.part and one.start <= other.end and other.start <= one.end


def _applied(document: Document, edits: list[Edit]) -> Document:
    prompt = apply_edits(document.prompt, [edit for edit in edits if edit.part == "prompt"])
    negative = document.negative
    beside = [edit for edit in edits if edit.part == "negative"]
    if beside:
        negative = apply_edits(negative or "", beside)
    return replace(document, prompt=prompt, negative=negative)
