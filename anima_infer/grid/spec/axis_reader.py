"""Axes: what changes from cell to cell, as labelled values that each make some changes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from anima_infer.errors import GridError, InferError
from anima_infer.grid.spec.axes import Axis, AxisValue, RecipeChange
from anima_infer.grid.spec.changes import CHANGE_KINDS, NONE, ChangeKind
from anima_infer.grid.spec.prompt_axes import values_from_file, values_from_template
from anima_infer.grid.spec.ranges import numbers_from
from anima_prompt.documents import Value, load_documents

AXIS_KEYS = ("name", "values", "baseline", "prompts", "template", *CHANGE_KINDS)


VALUE_KEYS = ("label", "value", *CHANGE_KINDS)


def axis_from(value: Value) -> Axis:
    """Read an axis of a specification.

    Raises:
        PromptFileError: it breaks the schema.
    """
    fields = value.fields("an axis", AXIS_KEYS)
    kinds = [key for key in ("prompts", "template", *CHANGE_KINDS) if key in fields]
    if len(kinds) > 1:
        fields[kinds[1]].fail(
            f"this axis changes '{kinds[0]}' and '{kinds[1]}'; write values that change both, or two axes"
        )
    if not kinds:
        if "values" not in fields:
            value.fail(
                f"this axis does not say what to change; add one of {', '.join(('prompts', 'template', *CHANGE_KINDS))}"
            )
        kind, argument, values = "", "", _own_values(fields["values"])
    elif kinds[0] in ("prompts", "template"):
        kind, argument = "prompt", ""
        source = fields[kinds[0]]
        values = values_from_file(source) if kinds[0] == "prompts" else values_from_template(source)
    else:
        kind = kinds[0]
        argument, listed = _argument(CHANGE_KINDS[kind], fields, value)
        values = _values(CHANGE_KINDS[kind], argument, listed)
    name = fields["name"].text("name") if "name" in fields else f"{kind} {argument}".strip() or "look"
    _check_values(value, name, values)
    baseline = fields["baseline"].text("baseline") if "baseline" in fields else ""
    if baseline and baseline not in [item.label for item in values]:
        fields["baseline"].fail(f"baseline is '{baseline}'; expected one of {', '.join(item.label for item in values)}")
    return Axis(name, kind, argument, values, baseline)


def _argument(kind: ChangeKind, fields: dict[str, Value], value: Value) -> tuple[str, Value]:
    """Return the argument of a kind, and the values."""
    if not kind.takes:
        if "values" in fields:
            fields["values"].fail(f"'values' is not needed here; write '{kind.name}: [...]'")
        return "", fields[kind.name]
    first = fields[kind.name]
    argument = first.text(kind.takes)
    if kind.arguments and argument not in kind.arguments:
        first.fail(f"{kind.name} is '{argument}'; expected one of {', '.join(kind.arguments)}")
    if "values" not in fields:
        value.fail(f"axis '{kind.name}: {argument}' has no 'values'; add the list")
    return argument, fields["values"]


def _values(kind: ChangeKind, argument: str, value: Value) -> tuple[AxisValue, ...]:
    if not value.is_list:
        if not kind.numeric:
            return (_value(kind, argument, value),)
        return values_of(kind.name, numeric_values(value), value, argument)
    return tuple(itertools.chain.from_iterable(_spread(kind, argument, item) for item in value.items("values")))


def _spread(kind: ChangeKind, argument: str, value: Value) -> Sequence[AxisValue]:
    """Return the values of an item of a list: a range of numbers is several values."""
    if kind.numeric and not value.is_mapping and not _is_none(value) and not _is_number(value):
        return values_of(kind.name, numeric_values(value), value, argument)
    return [_value(kind, argument, value)]


def _value(kind: ChangeKind | None, argument: str, value: Value) -> AxisValue:
    if _is_none(value):
        return AxisValue(NONE)
    if value.is_mapping:
        return _labelled(kind, argument, value)
    assert kind is not None
    changes = (_change(kind, argument, value),)
    return AxisValue(_label(value), changes, changes[0].value if isinstance(changes[0].value, Decimal) else None)


def _labelled(kind: ChangeKind | None, argument: str, value: Value) -> AxisValue:
    fields = value.fields("a value", VALUE_KEYS)
    changes = []
    if "value" in fields:
        if kind is None:
            fields["value"].fail(
                "'value' needs an axis that says what to change; write the key itself, such as 'cfg: 5'"
            )
        if not _is_none(fields["value"]):
            changes.append(_change(kind, argument, fields["value"]))
    for name, change_kind in CHANGE_KINDS.items():
        if name not in fields:
            continue
        if not change_kind.takes:
            changes.append(_change(change_kind, "", fields[name]))
            continue
        for key, inner in fields[name].fields(name, change_kind.arguments or fields[name].keys(name)).items():
            changes.append(_change(change_kind, key, inner))
    rank = {name: index for index, name in enumerate(CHANGE_KINDS)}
    changes.sort(key=lambda change: rank[change.kind.name])
    if "label" in fields:
        label = fields["label"].text("label")
    else:
        parts = [_label(fields["value"])] if "value" in fields else []
        parts += [f"{name} {_label(fields[name])}" for name in CHANGE_KINDS if name in fields]
        label = ", ".join(parts) or NONE
    number = changes[0].value if len(changes) == 1 and isinstance(changes[0].value, Decimal) else None
    return AxisValue(label, tuple(changes), number)


def _own_values(value: Value) -> tuple[AxisValue, ...]:
    values = []
    for item in value.items("values"):
        if not item.is_mapping and not _is_none(item):
            item.fail(
                "this value does not say what to change; write a mapping such as {label: dark, add: night, cfg: 5}"
            )
        values.append(_value(None, "", item))
    return tuple(values)


def _change(kind: ChangeKind, argument: str, value: Value) -> RecipeChange:
    read = value.guarded(lambda: _read(kind, value))
    return RecipeChange(kind, argument, read, f"{value.source}:{value.line}:{value.column}")


def _read(kind: ChangeKind, value: Value) -> Any:
    try:
        return kind.read(value)
    except InferError as error:
        value.fail(str(error))


def _label(value: Value) -> str:
    if value.is_list:
        return ", ".join(_label(item) for item in value.items("a value"))
    if value.is_mapping:
        return ", ".join(
            f"{key} {_label(inner)}" for key, inner in value.fields("a value", value.keys("a value")).items()
        )
    return "none" if value.is_null else value.text("a value").strip() or "(empty)"


def _is_none(value: Value) -> bool:
    return value.is_null or (not value.is_list and not value.is_mapping and value.text("a value") == NONE)


def _is_number(value: Value) -> bool:
    return not value.is_list and re.fullmatch(r"[-+]?\d+(\.\d+)?", value.text("a value").strip()) is not None


def numeric_values(value: Value) -> Iterable[Decimal]:
    """Return the numbers of a list or a range.

    Raises:
        PromptFileError: the value contains something else.
    """
    if value.is_list:
        return itertools.chain.from_iterable(numeric_values(item) for item in value.items("numbers"))
    try:
        return numbers_from(value.text("a number"))
    except GridError as error:
        value.fail(str(error))


def values_of(kind: str, numbers: Iterable[Decimal], value: Value, argument: str = "") -> tuple[AxisValue, ...]:
    """Return the axis values of numbers.

    Raises:
        PromptFileError: the kind does not accept a number.
    """
    values = []
    for number in numbers:
        (scalar,) = load_documents(f"{number:f}", value.source)
        located = replace(scalar, line=value.line, column=value.column)
        values.append(AxisValue(f"{number:f}", (_change(CHANGE_KINDS[kind], argument, located),), number))
    return tuple(values)


def _check_values(value: Value, name: str, values: Sequence[AxisValue]) -> None:
    if not values:
        value.fail(f"axis '{name}' has no values; write at least two")
    labels = [item.label for item in values]
    for label in labels:
        if labels.count(label) > 1:
            value.fail(f"axis '{name}' has two values labeled '{label}'; give one of them another 'label'")
