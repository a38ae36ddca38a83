"""Code, severity, position, message and fixes of every rule's bad examples, in a golden file that a person reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from anima_prompt.diagnostics import Diagnostic, Fix
from anima_prompt.lint import Document, Example, Rule, all_rules
from tests.lint.test_rules import linter_for

_LONGEST = 160


def test_messages_positions_and_fixes_of_all_bad_examples(golden: Callable[[str, Any], None]) -> None:
    golden(
        "lint/messages",
        "\n".join(line for rule in all_rules() if rule.check_set is None for line in _rule(rule)) + "\n",
    )


def _rule(rule: Rule) -> Iterator[str]:
    yield f"{rule.code} {rule.name}"
    for example in rule.bad:
        document = example.document()
        yield f"    {_headline(example)}"
        for diagnostic in linter_for(rule).check(document):
            if diagnostic.name == rule.name:
                yield from _diagnostic(diagnostic, document)
    yield ""


def _headline(example: Example) -> str:
    notes = [
        *([f"negative {_shown(example.negative)}"] if example.negative is not None else []),
        *([example.role.value] if example.role != "positive" else []),
        *([example.dialect.value] if example.dialect != "comfyui" else []),
        *([example.profile] if example.profile != "base-1.0" else []),
        *(f"{key} {value}" for key, value in asdict(example.settings).items() if value not in (None, False)),
    ]
    return " | ".join((_shown(example.text), *notes))


def _diagnostic(diagnostic: Diagnostic, document: Document) -> Iterator[str]:
    text = _text(document, diagnostic.part)
    first, last = _position(text, diagnostic.start), _position(text, diagnostic.end)
    part = "negative " if diagnostic.part == "negative" else ""
    yield f"        {part}{first}-{last} {diagnostic.severity}: {diagnostic.message}"
    for fix in diagnostic.fixes:
        yield f"            {'safe' if fix.safe else 'unsafe'} fix: {_fix(fix, document)}"


def _fix(fix: Fix, document: Document) -> str:
    edits = [
        f"{_shown(_text(document, edit.part)[edit.start : edit.end])} -> {_shown(edit.text)}"
        for edit in sorted(fix.edits, key=lambda edit: (edit.part, edit.start))
    ]
    return "; ".join(edits)


def _text(document: Document, part: str) -> str:
    return document.prompt if part == "prompt" else document.negative or ""


def _position(text: str, offset: int) -> str:
    line_start = text.rfind("\n", 0, offset) + 1
    return f"{text.count(chr(10), 0, offset) + 1}:{offset - line_start + 1}"


def _shown(text: str) -> str:
    """Return a text in quotation marks, control characters and line ends as escapes, long ones shortened."""
    flat = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return f'"{flat}"' if len(flat) <= _LONGEST else f'"{flat[:110]}..." ({len(text)} characters)'
