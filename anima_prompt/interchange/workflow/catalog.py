"""What ComfyUI's nodes take and return: names, types, allowed values, ranges.

Knows the facts of the nodes that we write and of some that we read; ``nodes.json`` next to this file says from which
version. A server's own answer to ``GET /object_info`` is read by :func:`catalog_from`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FILE = "FILE"
"""Type of an input whose allowed values are the files of one server."""

_FILE_INPUTS = ("unet_name", "ckpt_name", "clip_name", "vae_name", "lora_name", "model_name", "image", "name")
_WIDGET_TYPES = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", FILE)


@dataclass(frozen=True, slots=True)
class NodeInput:
    """One input of a node.

    Attributes:
        type: ``MODEL``, ``INT``, ``COMBO`` and so on.
        options: allowed values of a ``COMBO``.
        low, high: range of a number; None for no limit.
        control: whether the editor stores "control after generate" after the value.
    """

    type: str
    options: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    control: bool = False

    @property
    def is_widget(self) -> bool:
        """Whether the editor stores a value for it."""
        return self.type in _WIDGET_TYPES


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A node class: its inputs in the editor's order, the names of the optional ones, the types that it returns."""

    inputs: Mapping[str, NodeInput]
    outputs: tuple[str, ...] = ()
    optional: frozenset[str] = field(default_factory=frozenset)
    is_output: bool = False

    def widgets(self) -> list[str]:
        """Return the names of the values that the editor stores, in order; a control value is called ``control``."""
        names = []
        for name, fact in self.inputs.items():
            names += [name, "control"] if fact.control else [name] if fact.is_widget else []
        return names


Catalog = Mapping[str, NodeFacts]


@cache
def load_catalog() -> Catalog:
    """Return the facts that come with the package."""
    data = json.loads(Path(__file__).with_name("nodes.json").read_text(encoding="utf-8"))
    return {name: _facts(node) for name, node in data["nodes"].items()}


def _facts(node: Mapping[str, Any]) -> NodeFacts:
    inputs = {name: _node_input(fact) for name, fact in node["inputs"].items()}
    return NodeFacts(
        inputs, tuple(node["outputs"]), frozenset(node.get("optional", ())), is_output=node.get("output_node", False)
    )


def _node_input(fact: Mapping[str, Any]) -> NodeInput:
    options = tuple(fact.get("options", ()))
    return NodeInput(fact["type"], options, fact.get("min"), fact.get("max"), control=bool(fact.get("control")))


def catalog_from(object_info: Mapping[str, Any]) -> Catalog:
    """Return the facts of a server's ``/object_info``, its lists of files included."""
    return {name: _facts(compact(node, files=True)) for name, node in object_info.items()}


def compact(node: Mapping[str, Any], *, files: bool) -> dict[str, Any]:
    """Return one entry of ``/object_info`` in the form of ``nodes.json``.

    Args:
        node: the entry.
        files: whether lists of files are kept as allowed values; otherwise any name is allowed.
    """
    required, optional = (node.get("input", {}).get(key) or {} for key in ("required", "optional"))
    inputs = {name: _compact_input(name, fact, files=files) for name, fact in {**required, **optional}.items()}
    data: dict[str, Any] = {"inputs": inputs, "outputs": [str(kind) for kind in node.get("output", ())]}
    if optional:
        data["optional"] = list(optional)
    if node.get("output_node"):
        data["output_node"] = True
    return data


def _compact_input(name: str, fact: list[Any], *, files: bool) -> dict[str, Any]:
    kind, extra = fact[0], fact[1] if len(fact) > 1 and isinstance(fact[1], dict) else {}
    if isinstance(kind, list) or kind == "COMBO":
        if name in _FILE_INPUTS and not files:
            return {"type": FILE}
        return {"type": "COMBO", "options": kind if isinstance(kind, list) else extra.get("options", [])}
    data: dict[str, Any] = {"type": str(kind)}
    data |= {key: extra[key] for key in ("min", "max") if key in extra}
    if extra.get("control_after_generate"):
        data["control"] = True
    return data
