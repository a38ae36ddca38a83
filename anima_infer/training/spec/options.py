"""Options as fields of frozen dataclasses: default, meaning, range, and what they need to have an effect."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union


@dataclass(frozen=True, slots=True)
class Option:
    """What the documentation and the checks know of a field.

    Attributes:
        about: meaning, for readers.
        low, high: least and greatest value; ``open_low`` excludes the least.
        needs: ``{"method.kind": ("lokr",)}``: values of other options without which this one has no effect.
        sd_scripts: the option of sd-scripts that does the same, or "".
    """

    about: str
    low: float | None = None
    high: float | None = None
    open_low: bool = False
    needs: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    sd_scripts: str = ""


def option(
    about: str,
    *,
    default: Any = MISSING,
    low: float | None = None,
    high: float | None = None,
    open_low: bool = False,
    needs: dict[str, tuple[Any, ...]] | None = None,
    sd_scripts: str = "",
) -> Any:
    """Return a dataclass field; without a default it must be given."""
    metadata = {"option": Option(about, low, high, open_low, tuple((needs or {}).items()), sd_scripts)}
    if default is MISSING:
        return field(metadata=metadata)
    if is_dataclass(default) and isinstance(default, type):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def option_of(item: Field[Any]) -> Option:
    """Return what is known of a field."""
    known: Option = item.metadata["option"]
    return known


def is_required(item: Field[Any]) -> bool:
    """Return whether the option must be given."""
    return item.default is MISSING and item.default_factory is MISSING


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of an option, taken apart."""

    plain: type
    """``str``, ``int``, ``float``, ``bool``, ``Path`` or a dataclass."""

    choices: tuple[Any, ...] = ()
    is_list: bool = False
    may_be_null: bool = False


def kind_of(owner: type, name: str) -> Kind:
    """Return the kind of a dataclass's option."""
    return _kind(typing.get_type_hints(owner)[name])


def _kind(hint: Any) -> Kind:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return Kind(type(arguments[0]), arguments)
    if origin is tuple:
        return Kind(_kind(arguments[0]).plain, is_list=True)
    if origin in (Union, types.UnionType):
        inner = _kind(next(argument for argument in arguments if argument is not type(None)))
        return Kind(inner.plain, inner.choices, inner.is_list, may_be_null=True)
    assert hint in (str, int, float, bool, Path) or is_dataclass(hint), hint
    return Kind(hint)


def walk(owner: type, prefix: str = "") -> Iterator[tuple[str, type, Field[Any]]]:
    """Yield the dotted name, the dataclass and the field of every option, sections and lists of them included."""
    for item in fields(owner):
        name = f"{prefix}{item.name}"
        yield name, owner, item
        kind = kind_of(owner, item.name)
        if is_dataclass(kind.plain):
            yield from walk(kind.plain, f"{name}[]." if kind.is_list else f"{name}.")
