"""A second score, safety tag, year or dataset tag: an image has one of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.context import Context, Item
from anima_prompt.lint.document import Role
from anima_prompt.lint.rule import SHOWN, WANTED, Example, Finding, Rule, Safety, finding_at, plain, quoted
from anima_prompt.sections import Section
from anima_prompt.syntax.parser import DATASET_TAGS


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of tag of which an image has one; ``is_fixable`` if a fix may remove the second tag."""

    noun: str
    severity: Severity
    is_fixable: bool


_SCORE = _Kind("score", Severity.INFO, is_fixable=True)
_SAFETY = _Kind("safety tag", Severity.ERROR, is_fixable=False)
_YEAR = _Kind("year", Severity.INFO, is_fixable=True)
_SAFETY_TAGS = frozenset(("safe", "sensitive", "nsfw", "explicit"))
_SECTIONS = frozenset((Section.QUALITY, Section.SAFETY, Section.YEAR))


def check(context: Context) -> Iterator[Finding]:
    """Flag every score, safety tag, year and dataset tag that differs from the first of its kind."""
    first: dict[_Kind, Item] = {}
    for item in context.items:
        kind = _kind(item) if item.facts.section in _SECTIONS else None
        if kind is None or first.setdefault(kind, item).name == item.name:
            continue
        edits = [context.removal(item)] if kind.is_fixable else None
        message = _message(item.text, first[kind].text, kind.noun)
        yield finding_at(item, message, edits=edits, severity=kind.severity)
    if context.role in SHOWN:
        yield from _datasets(context)


def _kind(item: Item) -> _Kind | None:
    if item.name in _SAFETY_TAGS:
        return _SAFETY
    if item.section is Section.QUALITY:
        return _SCORE if item.name.startswith("score_") else None
    return _YEAR if item.name.startswith("year_") else None


def _datasets(context: Context) -> Iterator[Finding]:
    tags = [(node.start, node.end, node.text) for node in context.datasets]
    tags += [(item.start, item.end, item.text) for item in context.items if item.text in DATASET_TAGS]
    for start, end, text in sorted(tags)[1:]:
        message = _message(text, min(tags)[2], "dataset tag")
        yield finding_at((start, end), message, severity=Severity.ERROR)


def _message(second: str, first: str, noun: str) -> str:
    return f"{quoted(second)} is a second {noun} after {quoted(first)}; an image has one, remove one of them"


RULE = Rule(
    code="ANI411",
    name="one-per-image",
    severity=Severity.ERROR,
    reason="A training caption has one score, one safety tag, one year and one dataset tag; with two it is undefined which "
    "one the image follows, or both blend. A second score (in 0 of 32 official prompts and 12 of 125 public ones) or year "
    "is information, and an unsafe fix removes it. Source: model card.",
    bad=(
        *plain("nsfw, safe, 1girl", "safe, sensitive, 1girl"),
        Example("score_9, score_8, score_7, 1girl", "score_9, 1girl"),
        Example("year 2025, year 2024, 1girl", "year 2025, 1girl"),
        *plain("ye-pop\ndeviantart\nA tree stands on a hill. The sky is pale."),
    ),
    good=(
        *plain("safe, score_7, masterpiece, year 2025, newest, 1girl"),
        *plain("deviantart\nThe Last Ferry\nA small ferry crosses a dark lake. Lanterns hang from its rail."),
        Example("nsfw, explicit, score_1, score_2, score_3", role=Role.NEGATIVE),
    ),
    fix=Safety.UNSAFE,
    check=check,
    roles=WANTED,
)
