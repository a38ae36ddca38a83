"""Checks a ComfyUI API workflow as the server does before it queues one, and some things more.

Class names, required inputs, unknown inputs, links and their types, allowed values, ranges, circles, an output.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from anima_prompt.interchange.workflow.catalog import FILE, Catalog, NodeFacts, NodeInput, load_catalog

_MOST_OPTIONS = 8


def check_workflow(nodes: Mapping[str, Any], catalog: Catalog | None = None) -> list[str]:
    """Return what is wrong with a workflow, one line each; nothing if a server with these nodes accepts it.

    Args:
        nodes: the workflow, node by id.
        catalog: facts of the server's nodes; None for those that come with the package.

    >>> check_workflow({"1": {"class_type": "VAELoader", "inputs": {"vae_name": "qwen_image_vae.safetensors"}}})
    ['no node writes an image; add SaveImage']
    """
    facts = load_catalog() if catalog is None else catalog
    problems = [problem for number, node in nodes.items() for problem in _node_problems(number, node, nodes, facts)]
    kinds = [str(node.get("class_type")) for node in nodes.values() if isinstance(node, dict)]
    if not any(kind in facts and facts[kind].is_output for kind in kinds):
        problems.append("no node writes an image; add SaveImage")
    circle = _circle(nodes)
    return [*problems, f"node {circle} depends on itself"] if circle else problems


def _node_problems(number: str, node: Any, nodes: Mapping[str, Any], catalog: Catalog) -> Iterator[str]:
    if not isinstance(node, dict) or not isinstance(node.get("inputs"), dict):
        yield f"node {number} is not an object with class_type and inputs"
        return
    kind = str(node.get("class_type"))
    if kind not in catalog:
        yield f"node {number}: class '{kind}' is not known"
        return
    facts, where = catalog[kind], f"node {number} ({kind})"
    for name in facts.inputs:
        if name not in node["inputs"] and name not in facts.optional:
            yield f"{where}: missing input: {name}"
    for name, value in node["inputs"].items():
        if name not in facts.inputs:
            yield f"{where}: has no input '{name}'"
            continue
        problem = _input_problem(facts.inputs[name], value, nodes, catalog)
        if problem:
            yield f"{where}: {name} {problem}"


def _input_problem(fact: NodeInput, value: Any, nodes: Mapping[str, Any], catalog: Catalog) -> str:
    if isinstance(value, list):
        return _link_problem(fact, value, nodes, catalog)
    if fact.type in ("INT", "FLOAT"):
        return _number_problem(fact, value)
    if fact.type == "COMBO":
        shown = ", ".join(str(option) for option in fact.options[:_MOST_OPTIONS])
        more = ", ..." if len(fact.options) > _MOST_OPTIONS else ""
        return "" if value in fact.options else f"is {value!r}; expected one of {shown}{more}"
    if fact.type == "BOOLEAN":
        return "" if isinstance(value, bool) else f"is {value!r}; expected true or false"
    if fact.type in ("STRING", FILE):
        return "" if isinstance(value, str) else f"is {value!r}; expected text"
    return f"is {value!r}; expected a link to a node that returns {fact.type}"


def _number_problem(fact: NodeInput, value: Any) -> str:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    is_number = is_whole or (fact.type == "FLOAT" and isinstance(value, float) and math.isfinite(value))
    if not is_number:
        return f"is {value!r}; expected a {'whole number' if fact.type == 'INT' else 'number'}"
    if fact.low is not None and value < fact.low:
        return f"is {value}; expected at least {fact.low:g}"
    if fact.high is not None and value > fact.high:
        return f"is {value}; expected at most {fact.high if fact.type == 'INT' else format(fact.high, 'g')}"
    return ""


def _link_problem(fact: NodeInput, value: list[Any], nodes: Mapping[str, Any], catalog: Catalog) -> str:
    if len(value) != 2 or not isinstance(value[0], str) or type(value[1]) is not int:
        return f"is {value!r}; expected a link [node, output]"
    source = nodes.get(value[0])
    facts: NodeFacts | None = catalog.get(source.get("class_type", "")) if isinstance(source, dict) else None
    if facts is None:
        return f"is linked to node {value[0]}, which does not exist or is not known"
    if not 0 <= value[1] < len(facts.outputs):
        return f"is linked to output {value[1]} of node {value[0]}, which has {len(facts.outputs)}"
    returned = facts.outputs[value[1]]
    expected = "STRING" if fact.type == FILE else fact.type
    return "" if returned in (expected, "*") or expected == "*" else f"needs {expected}; node {value[0]} is {returned}"


def _circle(nodes: Mapping[str, Any]) -> str:
    """Return a node that depends on itself, or an empty text."""
    done: set[str] = set()
    for start in nodes:
        path: list[tuple[str, Iterator[str]]] = [(start, _sources(nodes, start))]
        open_nodes = {start}
        while path:
            current, links = path[-1]
            target = next((link for link in links if link not in done), None)
            if target is None:
                path.pop()
                open_nodes.discard(current)
                done.add(current)
            elif target in open_nodes:
                return target
            else:
                open_nodes.add(target)
                path.append((target, _sources(nodes, target)))
    return ""


def _sources(nodes: Mapping[str, Any], number: str) -> Iterator[str]:
    node = nodes.get(number)
    inputs = node.get("inputs") if isinstance(node, dict) else None
    values = inputs.values() if isinstance(inputs, dict) else ()
    return iter([str(value[0]) for value in values if isinstance(value, list) and len(value) == 2])
