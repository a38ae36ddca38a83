"""The form that ComfyUI's editor saves: widgets by position, links by number, sub-graphs, bypassed nodes, reroutes.

A sub-graph is replaced by its nodes (``1:6`` is node 6 in the sub-graph at node 1, as in the API form); values that its
box shows win over those inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from anima_prompt.errors import InputError
from anima_prompt.interchange.workflow.catalog import load_catalog
from anima_prompt.interchange.workflow.graph import Graph, GraphNode, Link, is_relay

_MUTED, _BYPASSED = 2, 4
_DEPTH = 16
_MOST_LEVELS = 2_000
_CONTROLS = ("fixed", "increment", "decrement", "randomize")
_INPUT_NODE, _OUTPUT_NODE = -10, -20
_WIDGET_TYPES = ("STRING", "INT", "FLOAT", "BOOLEAN", "COMBO", "NUMBER")
_WIDGETS = {
    "CLIPTextEncodeSDXL": "width height crop_w crop_h target_width target_height text_g text_l",
    "CLIPTextEncodeSDXLRefiner": "ascore width height text",
    "CLIPTextEncodeFlux": "clip_l t5xxl guidance",
    "CLIPTextEncodeSD3": "clip_l clip_g t5xxl empty_padding",
    "CLIPTextEncodeLumina2": "system_prompt user_prompt",
    "CLIPTextEncodeHunyuanDiT": "bert mt5xl",
    "ConditioningAverage": "conditioning_to_strength",
    "DualCFGGuider": "cfg_conds cfg_cond2_negative style",
    "Efficient Loader": "ckpt_name vae_name clip_skip lora_name lora_model_strength lora_clip_strength positive "
    "negative token_normalization weight_interpretation empty_latent_width empty_latent_height batch_size",
    "KSampler (Efficient)": "seed control steps cfg sampler_name scheduler denoise preview_method vae_decode",
    "Eff. Loader SDXL": "base_ckpt_name base_clip_skip refiner_ckpt_name refiner_clip_skip positive_ascore "
    "negative_ascore vae_name positive negative token_normalization weight_interpretation empty_latent_width "
    "empty_latent_height batch_size",
    "ImpactWildcardProcessor": "wildcard_text populated_text mode seed control select",
    "ImpactWildcardEncode": "wildcard_text populated_text mode select_lora select_wildcard seed control",
    "ModelSamplingSD3": "shift",
    "PrimitiveNode": "value control",
    "PrimitiveString": "value",
    "SDXLPromptStyler": "text_positive text_negative style log_prompt",
    "SDXLPromptStylerAdvanced": "text_positive_g text_positive_l text_negative style",
    "ShowText|pysssss": "text_0",
    "StringFunction|pysssss": "action tidy_tags text_a text_b text_c",
    "StringReplace": "string find replace",
    "StringTrim": "string mode",
    "Text Concatenate": "delimiter clean_whitespace",
    "Text Multiline": "text",
    "UnetLoaderGGUF": "unet_name",
}
_TEXT_KINDS = ("text", "prompt", "string")


@dataclass(frozen=True, slots=True)
class _Value:
    """A widget's value that a sub-graph's box shows for one of its inputs."""

    value: Any


_Source = Link | _Value | None


@dataclass(slots=True)
class _Level:
    """One level of the graph: its nodes, its links, and what its inputs come from.

    Attributes:
        data: the saved object.
        prefix: of the ids of its nodes.
        inputs: sources of the sub-graph's inputs, by their position.
        shown: values of widgets of its nodes that the box shows, by node and name.
        depth: of nesting.
    """

    data: Mapping[str, Any]
    prefix: str = ""
    inputs: list[_Source] = field(default_factory=list)
    shown: dict[tuple[str, str], Any] = field(default_factory=dict)
    depth: int = 0
    origins: dict[str, tuple[str, int]] = field(default_factory=dict)
    ends: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index the links."""
        for link in _list(self.data.get("links")):
            if isinstance(link, list) and len(link) >= 4:
                number, node, slot, target = *link[:3], link[3]
                target_slot = link[4] if len(link) > 4 else 0
            elif isinstance(link, dict) and {"id", "origin_id", "origin_slot"} <= link.keys():
                number, node, slot = link["id"], link["origin_id"], link["origin_slot"]
                target, target_slot = link.get("target_id"), link.get("target_slot")
            else:
                continue
            self.origins[str(number)] = (str(node), _whole(slot))
            if str(target) == str(_id_of(self.data, "outputNode", _OUTPUT_NODE)):
                self.ends[_whole(target_slot)] = str(number)

    def source(self, number: object) -> _Source:
        """Return what a link comes from."""
        origin = self.origins.get(str(number))
        if origin is None:
            return None
        node, slot = origin
        if self.depth and node == str(_id_of(self.data, "inputNode", _INPUT_NODE)):
            return self.inputs[slot] if 0 <= slot < len(self.inputs) else None
        return Link(f"{self.prefix}{node}", slot)


def is_editor_form(data: object) -> bool:
    """Return whether a JSON value has a list of nodes."""
    return isinstance(data, dict) and isinstance(data.get("nodes"), list)


def editor_graph(data: Mapping[str, Any], source: str) -> Graph:
    """Return the graph of the editor's form, sub-graphs replaced by their nodes.

    Raises:
        InputError: it has too many nodes.
    """
    return _EditorReader(data, source).read()


class _EditorReader:
    """Reads level by level."""

    def __init__(self, data: Mapping[str, Any], source: str) -> None:
        self.data, self.source, self.graph = data, source, Graph()
        definitions = data.get("definitions")
        subgraphs = _list(definitions.get("subgraphs") if isinstance(definitions, dict) else None)
        self.definitions = {str(item["id"]): item for item in subgraphs if isinstance(item, dict) and "id" in item}
        self.variables: dict[str, Link] = {}
        self.getters: list[tuple[str, str]] = []
        self.levels = 0

    def read(self) -> Graph:
        self.level(_Level(self.data))
        for number, name in self.getters:
            self.graph.aliases[Link(number, 0)] = self.variables.get(name)
        return self.graph

    def level(self, level: _Level) -> None:
        self.levels += 1
        if self.levels > _MOST_LEVELS:
            raise InputError(f"{self.source}: has more than {_MOST_LEVELS} sub-graphs in sub-graphs; save it simpler")
        for node in _list(level.data.get("nodes")):
            if isinstance(node, dict) and isinstance(node.get("id"), int | str) and node.get("mode") != _MUTED:
                self.node(node, level)

    def node(self, node: Mapping[str, Any], level: _Level) -> None:
        number, kind = f"{level.prefix}{node['id']}", str(node.get("type", ""))
        slots = [slot for slot in _list(node.get("inputs")) if isinstance(slot, dict)]
        sources = {str(slot.get("name")): level.source(slot.get("link")) for slot in slots}
        links = {name: source for name, source in sources.items() if isinstance(source, Link)}
        outputs: list[Mapping[str, Any]] = [
            slot if isinstance(slot, dict) else {} for slot in _list(node.get("outputs"))
        ]
        if node.get("mode") == _BYPASSED:
            self.bypass(number, slots, sources, outputs)
        elif is_relay(kind):
            self.graph.aliases[Link(number, 0)] = next(iter(links.values()), None)
        elif kind in self.definitions and level.depth < _DEPTH:
            self.subgraph(node, sources, level)
        elif kind in ("SetNode", "easy setNode"):
            self.variables[_first(node)] = next(iter(links.values()), Link("", 0))
            self.graph.aliases[Link(number, 0)] = next(iter(links.values()), None)
        elif kind in ("GetNode", "easy getNode"):
            self.getters.append((number, _first(node)))
        else:
            values = _widget_values(kind, slots, node.get("widgets_values"))
            values |= {name: source.value for name, source in sources.items() if isinstance(source, _Value)}
            values |= {name: value for (inner, name), value in level.shown.items() if inner == str(node["id"])}
            values = {name: value for name, value in values.items() if name not in links}
            names = tuple(str(slot.get("name", "")) for slot in outputs)
            self.graph.add(number, GraphNode(kind, values, links, names), self.source)

    def bypass(
        self, number: str, slots: list[Any], sources: Mapping[str, _Source], outputs: list[Mapping[str, Any]]
    ) -> None:
        """Let the outputs of a bypassed node stand for its inputs of the same type."""
        linked = [slot for slot in slots if isinstance(sources[str(slot.get("name"))], Link)]
        for position in range(max(len(outputs), 2)):
            output = outputs[position] if position < len(outputs) else {}
            kind = output.get("type")
            same = [slot for slot in linked if kind is None or slot.get("type") in (None, kind)]
            named = [slot for slot in same if output.get("name") and slot.get("name") == output.get("name")]
            if not named and len(same) > 1:
                name = "negative" if position == 1 else "positive"
                named = [slot for slot in same if slot.get("name") == name]
            chosen = named or same
            source = sources[str(chosen[0].get("name"))] if chosen else None
            self.graph.aliases[Link(number, position)] = source if isinstance(source, Link) else None

    def subgraph(self, node: Mapping[str, Any], sources: Mapping[str, _Source], level: _Level) -> None:
        """Put the nodes of a sub-graph in its place."""
        definition = self.definitions[str(node["type"])]
        ports = [port for port in _list(definition.get("inputs")) if isinstance(port, dict)]
        names = [str(port.get("name")) for port in ports]
        promoted, shown = _promoted(node, ports)
        promoted |= {name: value for (inner, name), value in level.shown.items() if inner == str(node["id"])}
        inputs: list[_Source] = [
            sources.get(name) or (_Value(promoted[name]) if name in promoted else None) for name in names
        ]
        prefix = f"{level.prefix}{node['id']}:"
        inner = _Level(definition, prefix, inputs, shown, level.depth + 1)
        self.level(inner)
        for slot, link in inner.ends.items():
            source = inner.source(link)
            self.graph.aliases[Link(prefix[:-1], slot)] = source if isinstance(source, Link) else None


def _promoted(node: Mapping[str, Any], ports: list[Any]) -> tuple[dict[str, Any], dict[tuple[str, str], Any]]:
    """Return the values that the box of a sub-graph shows: of its inputs by name, of inner nodes by node and name."""
    values = node.get("widgets_values")
    if isinstance(values, dict):
        return {str(name): value for name, value in values.items()}, {}
    values = _list(values)
    properties = node.get("properties")
    proxies = _list(properties.get("proxyWidgets") if isinstance(properties, dict) else None)
    if proxies:
        promoted: dict[str, Any] = {}
        shown: dict[tuple[str, str], Any] = {}
        pairs = [pair for pair in proxies if isinstance(pair, list) and len(pair) >= 2]
        for pair, value in zip(pairs, values, strict=False):
            inner, name = str(pair[0]), str(pair[1])
            if value is not None:
                shown[inner, name] = value
                if inner == "-1":
                    promoted[name] = value
        return promoted, shown
    slots = [slot for slot in _list(node.get("inputs")) if isinstance(slot, dict)]
    names = [str(slot.get("name")) for slot in slots if "widget" in slot]
    if not names:
        names = [str(port.get("name")) for port in ports if str(port.get("type")) in _WIDGET_TYPES]
    return dict(_zipped(names, values)), {}


def _widget_values(kind: str, slots: list[Any], widgets: object) -> dict[str, Any]:
    """Return the values of a node's widgets by name."""
    if isinstance(widgets, dict):
        return {str(name): value for name, value in widgets.items()}
    values = _list(widgets)
    if kind in _WIDGETS or kind in load_catalog():
        names = _WIDGETS[kind].split() if kind in _WIDGETS else load_catalog()[kind].widgets()
        return {**dict(zip(names, values, strict=False)), **_shown_text(kind, values)}
    named = [str(slot["widget"].get("name")) for slot in slots if isinstance(slot.get("widget"), dict)]
    if named and len(named) >= sum(value not in _CONTROLS for value in values if isinstance(value, str | int)):
        return dict(_zipped(named, values))
    if "latent" in kind.lower():
        return dict(zip(("width", "height"), values, strict=False))
    texts = [value for value in values if isinstance(value, str)]
    if texts and any(word in kind.lower() for word in _TEXT_KINDS):
        return {"text": texts[0], **{f"text_{index}": text for index, text in enumerate(texts[1:], start=2)}}
    return {f"widget {index}": value for index, value in enumerate(values)}


def _shown_text(kind: str, values: list[Any]) -> dict[str, Any]:
    """Return the text that a display node shows; it may stand in a list, or after the widget that a link replaces."""
    if kind != "ShowText|pysssss":
        return {}
    flat = [inner for value in values for inner in (value if isinstance(value, list) else [value])]
    texts = [text for text in flat if isinstance(text, str) and text]
    return {"text_0": texts[-1]} if texts else {}


def _zipped(names: list[str], values: list[Any]) -> Iterator[tuple[str, Any]]:
    """Yield names with values; what the editor stores after a seed is skipped."""
    position = 0
    for name in names:
        if position >= len(values):
            return
        yield name, values[position]
        position += 1
        if "seed" in name and position < len(values) and values[position] in _CONTROLS:
            position += 1


def _first(node: Mapping[str, Any]) -> str:
    values = node.get("widgets_values")
    values = list(values.values()) if isinstance(values, dict) else _list(values)
    return str(values[0]) if values else ""


def _id_of(data: Mapping[str, Any], name: str, default: int) -> Any:
    node = data.get(name)
    return node.get("id", default) if isinstance(node, dict) else default


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _list(value: object) -> list[Any]:
    """Return a list as it is, and anything else as an empty one: programs write all sorts of things."""
    return value if isinstance(value, list) else []
