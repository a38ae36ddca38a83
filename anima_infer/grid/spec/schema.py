"""The JSON schema of grid specifications, for editors, built from the kinds of changes that the reader knows."""

from __future__ import annotations

from typing import Any

from anima_infer.grid.spec.changes import CHANGE_KINDS, ChangeKind
from anima_infer.grid.spec.reader import BASE_KEYS
from anima_prompt.interchange.schema import prompt_schema

_SCALAR: dict[str, Any] = {"type": ["string", "number", "boolean", "null"]}


def grid_schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12) of a grid specification."""
    prompts = prompt_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Anima grid",
        "description": "What all cells share, what changes between them, and their layout.",
        "type": "object",
        "required": ["base", "axes"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "description": "title of sheet and report"},
            "about": {"type": "string", "description": "one line for readers"},
            "base": _base(),
            "axes": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/axis"}},
            "seeds": {
                "description": "number of paired seeds, or a list of seeds",
                "anyOf": [{"type": ["integer", "string"]}, {"type": "array", "items": {"type": ["integer", "string"]}}],
            },
            "layout": {
                "type": "object",
                "additionalProperties": False,
                "properties": {key: {"$ref": "#/$defs/names"} for key in ("rows", "columns", "pages")},
            },
            "skip": {"$ref": "#/$defs/conditions"},
            "only": {"$ref": "#/$defs/conditions"},
            "batch": {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "auto"}]},
        },
        "$defs": {
            **prompts["$defs"],
            "names": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
            "conditions": {
                "anyOf": [{"$ref": "#/$defs/condition"}, {"type": "array", "items": {"$ref": "#/$defs/condition"}}]
            },
            "condition": {
                "type": "object",
                "additionalProperties": {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]},
            },
            "several": _several(),
            "axis": {"oneOf": [*(_axis(kind) for kind in CHANGE_KINDS.values()), *_special_axes()]},
        },
    }


def _base() -> dict[str, Any]:
    properties: dict[str, Any] = {key: {**_value(CHANGE_KINDS[key])} for key in BASE_KEYS if key in CHANGE_KINDS}
    properties["prompt"] = {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/prompt"}]}
    properties["dialect"] = {"type": "string"}
    return {"type": "object", "required": ["prompt"], "additionalProperties": False, "properties": properties}


def _value(kind: ChangeKind) -> dict[str, Any]:
    if kind.numeric:
        return {"description": kind.about, "type": ["number", "string"]}
    return {"description": kind.about, "anyOf": [_SCALAR, {"type": "array"}, {"type": "object"}]}


def _several() -> dict[str, Any]:
    """Return the schema of a value that may make several changes."""
    properties = {
        kind.name: {"description": kind.about, "type": "object"} if kind.takes else _value(kind)
        for kind in CHANGE_KINDS.values()
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {"label": _SCALAR, "value": {}, **properties},
    }


_COMMON: dict[str, Any] = {"name": {"type": "string"}, "baseline": _SCALAR}


def _axis(kind: ChangeKind) -> dict[str, Any]:
    values = {
        "anyOf": [
            _SCALAR,
            {"type": "array", "items": {"anyOf": [_SCALAR, {"type": "array"}, {"$ref": "#/$defs/several"}]}},
        ]
    }
    if not kind.takes:
        properties = {kind.name: {"description": kind.about, **values}, **_COMMON}
        required = [kind.name]
    else:
        argument: dict[str, Any] = {"description": f"{kind.about}; {kind.takes}", "type": ["string", "number"]}
        if kind.arguments:
            argument = {"description": kind.about, "enum": list(kind.arguments)}
        properties = {kind.name: argument, "values": values, **_COMMON}
        required = [kind.name, "values"]
    return {"type": "object", "required": required, "additionalProperties": False, "properties": properties}


def _special_axes() -> list[dict[str, Any]]:
    """Return the schemas of axes of whole prompts, and of axes whose values name their changes."""
    several = {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/several"}, {"enum": ["none", None]}]}}
    return [
        _object(
            "prompts",
            {"type": "string", "description": "file with prompts: YAML, JSON, or text with one prompt a line"},
        ),
        _object("template", {"type": "string", "description": "prompt with {a|b}; every combination is a value"}),
        _object("values", several),
    ]


def _object(key: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": [key], "additionalProperties": False, "properties": {key: schema, **_COMMON}}
