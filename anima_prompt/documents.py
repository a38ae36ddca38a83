"""Strict reading of YAML and JSON, with a line and a column for every value.

Knows nothing of prompts and profiles. Only plain values are built (no tags, no objects), duplicate keys are errors, and
numbers stay as written so that weights are exact.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any, NoReturn, TypeVar

import yaml

from anima_prompt.errors import AnimaPromptError, PromptFileError

_FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser if PyYAML was built with it: ten times as fast, but with shorter messages."""

T = TypeVar("T")

_RESERVED = ("found character '@'", "found character '`'", "found character '%'")
_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_PLAIN = frozenset(f"tag:yaml.org,2002:{kind}" for kind in "str int float bool null timestamp seq map merge".split())


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a document and its place. Lines and columns count from 1."""

    source: str
    line: int
    column: int
    node: yaml.Node

    def fail(self, message: str, error: type[AnimaPromptError] = PromptFileError) -> NoReturn:
        """Raise ``error`` with the place in front of the message."""
        raise error(f"{self.source}:{self.line}:{self.column}: {message}")

    @property
    def is_null(self) -> bool:
        """Whether the value is null or missing."""
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag == _NULL

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def is_mapping(self) -> bool:
        """Whether it is a mapping."""
        return isinstance(self.node, yaml.MappingNode)

    def text(self, name: str) -> str:
        """Return a scalar as text; a bare number or year counts, a list or mapping does not."""
        if not isinstance(self.node, yaml.ScalarNode) or self.is_null:
            self.fail(f"{name} is {self._kind()}; expected text")
        text = str(self.node.value)
        if text.isascii():
            return text
        try:  # a JSON escape of a character beyond U+FFFF arrives as two surrogates
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self.fail(f"{name} contains half a surrogate pair; write the character itself")

    def decimal(self, name: str) -> Decimal:
        """Return a number exactly as written."""
        try:
            number = Decimal(self.text(name))
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            self.fail(f"{name} is '{self.node.value}'; expected a finite number")
        return number

    def whole(self, name: str) -> int:
        """Return a whole number."""
        number = self.decimal(name)
        if number != number.to_integral_value():
            self.fail(f"{name} is '{self.node.value}'; expected a whole number")
        return int(number)

    def boolean(self, name: str) -> bool:
        """Return true or false."""
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag != _BOOL:
            self.fail(f"{name} is {self._kind()}; expected true or false")
        return str(self.node.value).lower() in ("true", "yes", "on")

    def items(self, name: str) -> list[Value]:
        """Return the items of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            self.fail(f"{name} is {self._kind()}; expected a list")
        return [_value(self.source, item) for item in self.node.value]

    def one_or_many(self, name: str) -> list[Value]:
        """Return the items of a list, or the value itself as the only one."""
        return self.items(name) if self.is_list else [self]

    def fields(self, name: str, allowed: Iterable[str]) -> dict[str, Value]:
        """Return the fields of a mapping; an unknown key names the nearest known one."""
        if not isinstance(self.node, yaml.MappingNode):
            self.fail(f"{name} is {self._kind()}; expected a mapping")
        known = tuple(allowed)
        fields: dict[str, Value] = {}
        for key_node, value_node in self.node.value:
            key = _value(self.source, key_node)
            text = key.text(f"a key of {name}")
            if text not in known:
                near = get_close_matches(text, known, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"expected one of {', '.join(known)}"
                key.fail(f"key '{text}' is unknown in {name}; {hint}")
            fields[text] = _value(self.source, value_node)
        return fields

    def keys(self, name: str) -> list[str]:
        """Return the keys of a mapping whose keys are free."""
        if not isinstance(self.node, yaml.MappingNode):
            self.fail(f"{name} is {self._kind()}; expected a mapping")
        return [_value(self.source, key).text(f"a key of {name}") for key, _ in self.node.value]

    def guarded(self, build: Callable[[], T]) -> T:
        """Return ``build()``; an error of the library is raised again with this place in front of it."""
        try:
            return build()
        except PromptFileError:
            raise
        except AnimaPromptError as error:
            self.fail(str(error))

    def _kind(self) -> str:
        if isinstance(self.node, yaml.SequenceNode):
            return "a list"
        if isinstance(self.node, yaml.MappingNode):
            return "a mapping"
        return "empty" if self.is_null else f"'{self.node.value}'"


def load_documents(text: str, source: str, *, bundled: bool = False) -> list[Value]:
    """Return the documents of a YAML text (separated by ``---``), or the single value of a JSON text.

    Args:
        source: file name for messages. A name that ends in ``.json`` is read as JSON.
        bundled: whether the file comes with the library, so that speed matters more than messages.

    Raises:
        PromptFileError: syntax error, duplicate key, or a YAML tag other than those of plain values.
    """
    body = text.removeprefix("\ufeff")
    if source.endswith(".json"):
        body = _checked_json(body, source)
    try:
        nodes = [
            node for node in yaml.compose_all(body, Loader=_FAST if bundled else yaml.SafeLoader) if node is not None
        ]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
        problem = f"{error.problem or error.context}"
        hint = 'put it in quotes, as in "@wlop"' if problem.startswith(_RESERVED) else "check the YAML syntax"
        raise PromptFileError(f"{source}:{place}: {problem}; {hint}") from None
    except yaml.YAMLError as error:
        raise PromptFileError(f"{source}:1:1: {' '.join(str(error).split())}; check the YAML syntax") from None
    except RecursionError:
        raise PromptFileError(f"{source}:1:1: nested too deeply; a prompt file has at most three levels") from None
    values = [_value(source, node) for node in nodes]
    for value in values:
        for inner in _walk(value):
            _check_node(inner)
    return values


def _checked_json(text: str, source: str) -> str:
    """Check the syntax by the JSON rules, then make the text readable as YAML, every character in its place."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        message = f"{error.msg.lower()}; check the JSON syntax"
        raise PromptFileError(f"{source}:{error.lineno}:{error.colno}: {message}") from None
    except RecursionError:
        raise PromptFileError(f"{source}:1:1: nested too deeply; a prompt file has at most three levels") from None
    return text.replace("\t", " ")


def _value(source: str, node: yaml.Node) -> Value:
    mark = node.start_mark
    return Value(source, mark.line + 1, mark.column + 1, node)


def _walk(value: Value) -> Iterator[Value]:
    """Yield a value and everything below it. Anchors may be shared, so every node is visited once."""
    seen: set[int] = set()
    pending = [value]
    while pending:
        current = pending.pop()
        if id(current.node) in seen:
            continue
        seen.add(id(current.node))
        yield current
        children: list[Any] = []
        if isinstance(current.node, yaml.SequenceNode):
            children = current.node.value
        elif isinstance(current.node, yaml.MappingNode):
            children = [node for pair in current.node.value for node in pair]
        pending += [_value(value.source, node) for node in reversed(children)]


def _check_node(value: Value) -> None:
    if value.node.tag not in _PLAIN:
        value.fail(f"tag '{value.node.tag}' is not allowed; write plain text, numbers, lists and mappings")
    if not isinstance(value.node, yaml.MappingNode):
        return
    seen: dict[str, int] = {}
    for key_node, _ in value.node.value:
        key = _value(value.source, key_node)
        name = key.text("a key")
        if name in seen:
            key.fail(f"key '{name}' is a duplicate of line {seen[name]}; remove one of them")
        seen[name] = key.line
