"""Facts about applying fixes in passes."""

from __future__ import annotations

import pytest

from anima_prompt.diagnostics import Diagnostic, Edit, Fix, Severity
from anima_prompt.lint import Document
from anima_prompt.lint.fixing import fix_document


def diagnostic(*edits: Edit) -> Diagnostic:
    start, end = min(edit.start for edit in edits), max(edit.end for edit in edits)
    return Diagnostic("test", Severity.WARNING, start, end, "message", "TST001", (Fix(edits, safe=True),))


def passes(text: str, replacements: dict[str, str]) -> list[str]:
    """Return the texts that are checked while every key is replaced by its value, keys in order."""
    seen: list[str] = []

    def check(document: Document) -> list[Diagnostic]:
        seen.append(document.prompt)
        places = [(document.prompt.find(old), old, new) for old, new in replacements.items()]
        return [diagnostic(Edit(place, place + len(old), new)) for place, old, new in places if place >= 0]

    fix_document(Document(text), check, unsafe=False, is_allowed=lambda _: True)
    return seen


def test_edits_that_do_not_touch_are_applied_in_one_pass() -> None:
    assert passes("a-b", {"a": "x", "b": "y"}) == ["a-b", "x-y"]
    assert passes("a-b", {"b": "y", "a": "x"}) == ["a-b", "x-y"]


def test_edits_that_touch_are_applied_in_two_passes() -> None:
    assert passes("ab", {"a": "x", "b": "y"}) == ["ab", "xb", "xy"]
    assert passes("ab", {"b": "y", "a": "x"}) == ["ab", "ay", "xy"]


def test_edits_that_overlap_are_applied_in_two_passes() -> None:
    assert passes("abc", {"ab": "x", "bc": "y"}) == ["abc", "xc"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_insertions_at_the_same_place_are_applied_in_two_passes(order: tuple[int, int]) -> None:
    inserts = [diagnostic(Edit(1, 1, "x")), diagnostic(Edit(1, 1, "y"))]
    seen: list[str] = []

    def check(document: Document) -> list[Diagnostic]:
        seen.append(document.prompt)
        return [inserts[index] for index in order if inserts[index].fixes[0].edits[0].text not in document.prompt]

    fixed = fix_document(Document("ab"), check, unsafe=False, is_allowed=lambda _: True)
    first = "xy"[order[0]]
    assert seen[1] == f"a{first}b"
    assert sorted(fixed.prompt) == ["a", "b", "x", "y"]
