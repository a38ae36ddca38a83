"""The JSON schema of a specification, and the table of its options, both from the definition."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any

from anima_infer.training.spec.definition import TrainSpec
from anima_infer.training.spec.options import is_required, kind_of, option_of, walk

_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", Path: "string"}


def train_schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12) of a specification."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Anima training",
        **_section(TrainSpec),
    }


def _section(owner: type) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [item.name for item in fields(owner) if is_required(item)],
        "additionalProperties": False,
        "properties": {item.name: _property(owner, item) for item in fields(owner)},
    }


def _property(owner: type, item: Field[Any]) -> dict[str, Any]:
    kind, option = kind_of(owner, item.name), option_of(item)
    inner: dict[str, Any] = _section(kind.plain) if is_dataclass(kind.plain) else {"type": _TYPES[kind.plain]}
    if kind.choices:
        inner = {"enum": list(kind.choices)}
    if option.low is not None:
        inner["exclusiveMinimum" if option.open_low else "minimum"] = option.low
    if option.high is not None:
        inner["maximum"] = option.high
    if kind.is_list:
        inner = {"anyOf": [inner, {"type": "array", "items": inner}]}
    if kind.may_be_null:
        inner = {"anyOf": [inner, {"type": "null"}]}
    default = {} if item.default in (MISSING, None) else {"default": _plain(item.default)}
    return {"description": option.about, **inner, **default}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def options_table() -> str:
    """Return the options as a table in Markdown."""
    rows = ["| option | default | meaning | sd-scripts |", "|---|---|---|---|"]
    for name, owner, item in walk(TrainSpec):
        kind, option = kind_of(owner, item.name), option_of(item)
        if is_dataclass(kind.plain):
            continue
        default = "required" if is_required(item) else _written(item.default)
        needs = "".join(f"; with {path} {' or '.join(map(str, values))}" for path, values in option.needs)
        sd_scripts = f"`{option.sd_scripts}`" if option.sd_scripts else ""
        rows.append(f"| `{name}` | {default} | {option.about}{needs} | {sd_scripts} |")
    return "\n".join(rows) + "\n"


def _written(value: Any) -> str:
    if value in (None, "", ()):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    text = ", ".join(f"{item:g}" for item in value) if isinstance(value, tuple) else str(value)
    return f"`{text}`".replace("|", "\\|")
