"""Prompts in ComfyUI workflows: both the API form (nodes by id) and the one that the editor saves (nodes and links).

Finds every text-encode node and follows the links back from the samplers, so that positive and negative are told apart
by what they are connected to and not by their titles. Knows node graphs; knows nothing of rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from anima_prompt.errors import InputError
from anima_prompt.interchange.parameters import Recorded

_ENCODER = re.compile(r"TextEncode|PromptEncode|CLIPTextEncode|Text Encode", re.IGNORECASE)
_TEXT_INPUTS = ("text", "prompt", "positive", "text_g", "string", "value", "text_positive")
_LINKED_TEXTS = (*_TEXT_INPUTS, "text_a", "string_a", "text1")
_WIDGETS = {
    "KSampler": ("seed", "control", "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": ("add_noise", "seed", "control", "steps", "cfg", "sampler_name", "scheduler"),
    "SamplerCustom": ("add_noise", "seed", "control", "cfg"),
    "CFGGuider": ("cfg",),
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "KSamplerSelect": ("sampler_name",),
    "ModelSamplingAuraFlow": ("shift",),
    "ModelSamplingSD3": ("shift",),
    "UNETLoader": ("unet_name",),
    "CheckpointLoaderSimple": ("ckpt_name",),
}
_FIGURES = {
    "steps": "steps",
    "cfg": "guidance_scale",
    "sampler_name": "sampler",
    "scheduler": "scheduler",
    "shift": "shift",
    "width": "width",
    "height": "height",
    "seed": "seed",
    "noise_seed": "seed",
}
_MODELS = ("unet_name", "ckpt_name", "model_name")
_MOST_NODES = 100_000


@dataclass(frozen=True, slots=True)
class Link:
    """Where an input comes from: a node and which of its outputs."""

    node: str
    slot: int


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One node: its class, its plain inputs, and its linked ones."""

    kind: str
    values: dict[str, Any] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)


Graph = dict[str, GraphNode]


def is_workflow(data: object) -> bool:
    """Say whether a JSON value looks like a workflow of either form."""
    if not isinstance(data, dict):
        return False
    if isinstance(data.get("nodes"), list):
        return True
    below = data.get("prompt")
    inner: dict[str, Any] = below if isinstance(below, dict) else data
    return bool(inner) and all(isinstance(node, dict) and "class_type" in node for node in inner.values())


def read_workflow(data: object, source: str) -> list[Recorded]:
    """Return the prompts of a workflow: a pair for every sampler, and every text node that no sampler reaches.

    Raises:
        InputError: the value is no workflow, or has too many nodes.
    """
    if not isinstance(data, dict) or not is_workflow(data):
        raise InputError(f"{source}: is no ComfyUI workflow; save it with 'Save' or 'Save (API format)'")
    found: list[Recorded] = []
    for graph in _graphs(data):
        if len(graph) > _MOST_NODES:
            raise InputError(f"{source}: has {len(graph)} nodes; at most {_MOST_NODES} are read")
        found += _prompts(graph)
    return found


def _graphs(data: dict[str, Any]) -> Iterator[Graph]:
    if isinstance(data.get("nodes"), list):
        yield _editor_graph(data)
        definitions = data.get("definitions")
        for subgraph in _list(definitions.get("subgraphs") if isinstance(definitions, dict) else None):
            if isinstance(subgraph, dict) and isinstance(subgraph.get("nodes"), list):
                yield _editor_graph(subgraph)
        return
    nodes = data["prompt"] if isinstance(data.get("prompt"), dict) else data
    graph: Graph = {}
    for number, node in nodes.items():
        inputs = node.get("inputs")
        inputs = inputs if isinstance(inputs, dict) else {}
        links = {key: Link(str(value[0]), value[1]) for key, value in inputs.items() if _is_link(value)}
        values = {key: value for key, value in inputs.items() if key not in links}
        graph[str(number)] = GraphNode(str(node.get("class_type", "")), values, links)
    yield graph


def _list(value: object) -> list[Any]:
    """Return a list as it is, and anything else as an empty one: programs write all sorts of things."""
    return value if isinstance(value, list) else []


def _is_link(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int) and isinstance(value[1], int)


def _editor_graph(data: Mapping[str, Any]) -> Graph:
    origins: dict[str, Link] = {}
    for link in _list(data.get("links")):
        if isinstance(link, list) and len(link) >= 4:
            number, node, slot = link[:3]
        elif isinstance(link, dict) and {"id", "origin_id", "origin_slot"} <= link.keys():
            number, node, slot = link["id"], link["origin_id"], link["origin_slot"]
        else:
            continue
        origins[str(number)] = Link(str(node), slot if isinstance(slot, int) else 0)
    graph: Graph = {}
    for node in data["nodes"]:
        if not isinstance(node, dict) or "id" not in node:
            continue
        kind = str(node.get("type", ""))
        links = {
            str(slot.get("name")): origins[str(slot.get("link"))]
            for slot in _list(node.get("inputs"))
            if isinstance(slot, dict) and str(slot.get("link")) in origins
        }
        if node.get("mode") not in (2, 4):  # muted and bypassed nodes draw nothing
            graph[str(node["id"])] = GraphNode(kind, _widget_values(kind, node.get("widgets_values")), links)
    return graph


def _widget_values(kind: str, widgets: object) -> dict[str, Any]:
    if isinstance(widgets, dict):
        return dict(widgets)
    values = widgets if isinstance(widgets, list) else []
    names = _WIDGETS.get(kind)
    if names is None and "Latent" in kind:
        names = ("width", "height")
    if names is None and (_ENCODER.search(kind) or any(isinstance(value, str) for value in values)):
        text = next((value for value in values if isinstance(value, str)), None)
        return {} if text is None else {"text": text}
    return dict(zip(names or (), values, strict=False))


# --- following the links -------------------------------------------------------------------------------------------


def _prompts(graph: Graph) -> list[Recorded]:
    found: list[Recorded] = []
    reached: set[str] = set()
    for number, node in graph.items():
        if "positive" not in node.links or _is_passing(node):
            continue
        positive = list(dict.fromkeys(_encoders(graph, node.links["positive"])))
        negative = list(dict.fromkeys(_encoders(graph, node.links["negative"]))) if "negative" in node.links else []
        if set(positive) <= reached and set(negative) <= reached:
            continue
        reached.update(positive, negative)
        found += _pair(graph, number, positive, negative)
    for number, node in graph.items():
        if number not in reached and _ENCODER.search(node.kind):
            text = _text(graph, node)
            if text.strip():
                found.append(Recorded(text, None, {}, "", "region", f"node {number}"))
    return found


def _pair(graph: Graph, sampler: str, positive: list[str], negative: list[str]) -> list[Recorded]:
    figures, model = _figures(graph, sampler)
    texts = [(number, _text(graph, graph[number])) for number in positive]
    below = [(number, _text(graph, graph[number])) for number in negative]
    if len(texts) == 1 and len(below) <= 1:
        return [
            Recorded(texts[0][1], below[0][1] if below else None, figures, model, "positive", f"node {texts[0][0]}")
        ]
    found = [Recorded(text, None, figures, model, "region", f"node {number}") for number, text in texts]
    return found + [Recorded(text, None, figures, model, "negative", f"node {number}") for number, text in below]


def _is_passing(node: GraphNode) -> bool:
    """Say whether a node only hands conditioning on (a control net, a mask), and samples nothing itself."""
    return not ({"latent_image", "model", "noise", "latent"} & (node.links.keys() | node.values.keys()))


def _encoders(graph: Graph, link: Link) -> Iterator[str]:
    """Yield the text-encode nodes behind a conditioning link."""
    waiting = [link]
    visited: set[tuple[str, int]] = set()
    while waiting:
        current = waiting.pop(0)
        node = graph.get(current.node)
        if node is None or (current.node, current.slot) in visited:
            continue
        visited.add((current.node, current.slot))
        if _ENCODER.search(node.kind) or _is_text_source(node):
            yield current.node
        elif "positive" in node.links and "negative" in node.links:
            waiting.append(node.links["negative" if current.slot == 1 else "positive"])
        else:
            waiting += [inner for name, inner in node.links.items() if "cond" in name.lower() or name == "positive"]


def _is_text_source(node: GraphNode) -> bool:
    return "clip" in node.links and any(isinstance(node.values.get(name), str) for name in _TEXT_INPUTS)


def _text(graph: Graph, node: GraphNode, depth: int = 0) -> str:
    """Return a node's text, its own or that of the node that feeds it."""
    for name in _TEXT_INPUTS:
        value = node.values.get(name)
        if isinstance(value, str):
            return value
    for name in _LINKED_TEXTS:
        link = node.links.get(name)
        if link is not None and link.node in graph and depth < 16:
            return _text(graph, graph[link.node], depth + 1)
    return ""


def _figures(graph: Graph, sampler: str) -> tuple[dict[str, str], str]:
    """Return the settings on the way into a sampler, nearest first, and the model's file name."""
    figures: dict[str, str] = {}
    model = ""
    waiting, seen = [sampler], {sampler}
    while waiting:
        node = graph.get(waiting.pop(0))
        if node is None:
            continue
        for theirs, ours in _FIGURES.items():
            value = node.values.get(theirs)
            if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
                figures.setdefault(ours, str(value))
        model = model or next((str(node.values[key]) for key in _MODELS if isinstance(node.values.get(key), str)), "")
        for name, link in node.links.items():
            if name not in ("positive", "negative", "clip", "text") and link.node not in seen:
                seen.add(link.node)
                waiting.append(link.node)
    return figures, model
