"""Rules about words, read from YAML: the library's and the user's.

A file is a list of rules; each has ``code``, ``name``, ``severity``, ``reason``, ``message``, and ``words`` or
``pairs``. In the message ``{text}`` is the tag as written and ``{write}`` its replacement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.documents import load_documents
from anima_prompt.errors import DataFileError
from anima_prompt.lint.context import Context, Item
from anima_prompt.lint.document import Role
from anima_prompt.lint.rule import ALL_ROLES, Example, Finding, Rule, Safety, finding_at, quoted
from anima_prompt.names import escape, text_to_name
from anima_prompt.numbers import counted
from anima_prompt.safe_paths import read_utf8
from anima_prompt.vocabulary.packs import data_folder

if TYPE_CHECKING:
    from anima_prompt.documents import Value

RULES = "tags/rules.yaml"
_MOST_BYTES = 16_000_000
Kind = TypeVar("Kind", bound=StrEnum)
_KEYS = ("code", "name", "severity", "fix", "roles", "profiles", "message", "reason", "words", "pairs", "bad", "good")
_CODE = re.compile(r"[A-Z]{3}\d{3}")
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class WordCheck:
    """Report tags by name: ``words`` maps each to its replacement, "" to remove it, None for no fix."""

    words: dict[str, str | None]
    message: str
    severities: dict[str, Severity]

    def __call__(self, context: Context) -> Iterator[Finding]:
        """Yield a finding for every such tag."""
        if context.by_name.keys().isdisjoint(self.words):
            return
        severity = self.severities.get(context.environment.profile.name)
        for item in context.items:
            if item.name in self.words and not item.facts.artist and item.name not in context.environment.words:
                write = self.words[item.name]
                message = self.message.format(text=quoted(item.text), write=quoted(write or ""))
                yield finding_at(item, message, edits=_edits(context, item, write), severity=severity)


@dataclass(frozen=True, slots=True)
class PairCheck:
    """Report two tags that contradict each other."""

    pairs: tuple[tuple[str, str], ...]
    message: str

    def __call__(self, context: Context) -> Iterator[Finding]:
        """Yield a finding for every pair in the text."""
        names = context.by_name
        for tag, contrary in self.pairs:
            if tag in names and contrary in names:
                first, second = sorted((names[tag], names[contrary]), key=lambda item: item.start)
                yield finding_at(second, self.message.format(text=quoted(second.text), write=quoted(first.text)))


def _edits(context: Context, item: Item, write: str | None) -> list[Edit | None] | None:
    if write is None:
        return None
    if write:
        return [Edit(item.start, item.end, escape(write, context.environment.dialect))] if item.plain else None
    return [context.removal(item)]


def builtin_rules() -> list[Rule]:
    """Return the rules of ``data/tags/rules.yaml``.

    Raises:
        DataFileError: the file cannot be read.
    """
    path = data_folder() / RULES
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read ({error}); reinstall anima-prompt") from error
    (document,) = load_documents(text, RULES, bundled=True)
    return [_rule(value) for value in document.items("rules")]


def read_rules(path: Path) -> list[Rule]:
    """Return the rules of a user's file.

    Raises:
        DataFileError: the file cannot be read, or a rule takes one of our codes.
        PromptFileError: the file breaks the schema; with line and column.
    """
    try:
        text = read_utf8(path, limit=_MOST_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataFileError(f"{path}: cannot be read ({reason}); expected a YAML file of rules") from None
    rules = []
    for document in load_documents(text, str(path)):
        for value in document.items("rules"):
            rule = _rule(value)
            if rule.code.startswith("ANI"):
                value.fail(f"code is '{rule.code}'; codes that begin with ANI are reserved; choose other letters")
            rules.append(rule)
    return rules


def _rule(value: Value) -> Rule:
    fields = value.fields("a rule", _KEYS)
    for key in ("code", "name", "severity", "message", "reason"):
        if key not in fields:
            value.fail(f"missing: {key} of a rule; add it")
    code, name = fields["code"].text("code"), fields["name"].text("name")
    if not _CODE.fullmatch(code):
        fields["code"].fail(f"code is '{code}'; expected three capital letters and three digits, such as MYR101")
    if not _NAME.fullmatch(name):
        fields["name"].fail(f"name is '{name}'; expected lower-case words with hyphens")
    if ("words" in fields) == ("pairs" in fields):
        value.fail("a rule needs either words or pairs, not both")
    return Rule(
        code=code,
        name=name,
        severity=_severity(fields["severity"]),
        reason=" ".join(fields["reason"].text("reason").split()),
        bad=_examples(fields.get("bad")),
        good=_examples(fields.get("good")),
        fix=_choice(fields["fix"], Safety, "fix") if "fix" in fields else Safety.NONE,
        check=_word_check(fields) if "words" in fields else _pair_check(fields),
        roles=frozenset(_choice(r, Role, "a role") for r in fields["roles"].items("roles"))
        if "roles" in fields
        else ALL_ROLES,
    )


def _severity(value: Value) -> Severity:
    return _choice(value, Severity, "severity")


def _choice(value: Value, kind: type[Kind], name: str) -> Kind:
    text = value.text(name)
    try:
        return kind(text)
    except ValueError:
        value.fail(f"{name} is '{text}'; expected one of {', '.join(str(m) for m in kind)}")


def _message(fields: dict[str, Value]) -> str:
    message = " ".join(fields["message"].text("message").split())
    try:
        message.format(text="x", write="y")
    except (KeyError, IndexError, ValueError):
        fields["message"].fail("the message may contain {text} and {write} but no other braces")
    return message


def _word_check(fields: dict[str, Value]) -> WordCheck:
    words: dict[str, str | None] = {}
    if fields["words"].is_list:
        words = {text_to_name(item.text("a word")): None for item in fields["words"].items("words")}
    else:
        for key, value in fields["words"].fields("words", fields["words"].keys("words")).items():
            words[text_to_name(key)] = None if value.is_null else value.text("what to write")
    severities = {}
    if "profiles" in fields:
        by_profile = fields["profiles"].fields("profiles", fields["profiles"].keys("profiles"))
        severities = {name: _severity(value) for name, value in by_profile.items()}
    return WordCheck(words, _message(fields), severities)


def _pair_check(fields: dict[str, Value]) -> PairCheck:
    pairs = []
    for pair in fields["pairs"].items("pairs"):
        tags = [text_to_name(tag.text("a tag")) for tag in pair.items("a pair")]
        if len(tags) != 2:
            pair.fail(f"a pair has {counted(len(tags), 'tag')}; expected two")
        pairs.append((tags[0], tags[1]))
    return PairCheck(tuple(pairs), _message(fields))


def _examples(value: Value | None) -> tuple[Example, ...]:
    if value is None:
        return ()
    examples = []
    for item in value.items("examples"):
        if item.is_mapping:
            fields = item.fields("an example", ("text", "fixed", "negative", "role", "profile"))
            texts = {key: field.text(key) for key, field in fields.items()}
            example = Example(
                texts["text"], texts.get("fixed"), texts.get("negative"), role=Role(texts.get("role", "positive"))
            )
            examples.append(replace(example, profile=texts.get("profile", example.profile)))
        else:
            examples.append(Example(item.text("an example")))
    return tuple(examples)
