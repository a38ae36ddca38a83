"""Prompts in ComfyUI workflows: both the API form (nodes by id) and the one that the editor saves (nodes and links).

Follows the links back from the samplers, so that positive and negative are distinguished by what they are connected to,
not by their titles. A text that comes from a node that cannot be read is reported, never guessed. Knows node graphs;
knows nothing of rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from anima_prompt.dialects import Dialect
from anima_prompt.errors import InputError
from anima_prompt.interchange.recorded import NotRead, Recorded
from anima_prompt.interchange.workflow.editor import editor_graph, is_editor_form
from anima_prompt.interchange.workflow.graph import Graph, GraphNode, Link, api_graph, api_nodes
from anima_prompt.interchange.workflow.node_settings import SettingsReader
from anima_prompt.interchange.workflow.node_texts import Text, Unread, populated_text, text_of

SOURCE = "comfyui"
_ENCODER = re.compile(r"TextEncode|PromptEncode|Text ?Encode|WildcardEncode", re.IGNORECASE)
_TEXTS = ("text", "prompt", "user_prompt", "positive_prompt", "string", "text_positive", "positive", "value")
_SEVERAL = ("text_g", "text_l", "clip_g", "clip_l", "t5xxl", "bert", "mt5xl", "llama")
_ZEROED = re.compile(r"zero ?_?out", re.IGNORECASE)
_SAMPLES = ("latent_image", "model", "noise", "latent", "steps", "cfg", "seed", "noise_seed", "denoise", "sampler_name")
_PIPES = ("pipe", "basic_pipe", "base_ctx", "ctx", "context", "detailer_pipe", "sdxl_pipe")
_LOADER = re.compile(r"loader", re.IGNORECASE)
_SWITCH = re.compile(r"switch|^any ", re.IGNORECASE)
_EVERYWHERE = re.compile(r"prompts everywhere", re.IGNORECASE)
_SAMPLER = re.compile(r"KSampler|SamplerCustom")
_GROUP = re.compile(r"workflow[/>]")
_HANDS_ON = re.compile(r"pipe|context", re.IGNORECASE)
_SLOTS = {
    "Context (rgthree)": {4: "positive", 5: "negative"},
    "Context Big (rgthree)": {4: "positive", 5: "negative"},
    "FromBasicPipe": {3: "positive", 4: "negative"},
    "FromBasicPipe_v2": {4: "positive", 5: "negative"},
}
_MOST_TEXTS = 200


def is_workflow(data: object) -> bool:
    """Return whether a JSON value looks like a workflow of either form."""
    return is_editor_form(data) or api_nodes(data) is not None or is_editor_form(_inner(data))


def _inner(data: object) -> Any:
    return data.get("workflow") if isinstance(data, dict) else None


def read_workflow(data: object, source: str) -> list[Recorded]:
    """Return the prompts of a workflow: a pair for every sampler, and every text node that feeds something unknown.

    Raises:
        InputError: the value is not a workflow, or has too many nodes.
    """
    nodes = api_nodes(data)
    editor = data if is_editor_form(data) else _inner(data)
    if nodes is not None:
        graph = api_graph(nodes, source)
    elif isinstance(editor, dict) and is_editor_form(editor):
        graph = editor_graph(editor, source)
    else:
        raise InputError(f"{source}: is not a ComfyUI workflow; save it with 'Save' or 'Save (API format)'")
    return _GraphReader(graph).read()


@dataclass(slots=True)
class _Found:
    """Texts that lead to one input of a sampler, with their nodes, in order."""

    texts: list[tuple[str, str | Unread]] = field(default_factory=list)

    def add(self, number: str, text: Text) -> None:
        """Keep a text that is not there yet."""
        if text is not None and (number, text) not in self.texts and len(self.texts) < _MOST_TEXTS:
            self.texts.append((number, text))

    def read(self) -> list[tuple[str, str]]:
        """Return the texts that could be read."""
        return [(number, text) for number, text in self.texts if isinstance(text, str)]

    def unread(self, role: str) -> list[NotRead]:
        """Return the texts that could not."""
        found = [NotRead(text.node, text.kind, role) for _, text in self.texts if isinstance(text, Unread)]
        return list(dict.fromkeys(found))


class _GraphReader:
    """Reads one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.settings = SettingsReader(graph)
        self.reached: set[str] = set()

    def read(self) -> list[Recorded]:
        records: list[Recorded] = []
        by_text: dict[Any, int] = {}
        for number in self.samplers():
            positive, negative = self.sides(number)
            key = (tuple(positive.texts), tuple(negative.texts))
            if key in by_text:
                first = by_text[key]
                if self.is_second_pass(number):
                    records[first] = replace(records[first], settings={**records[first].settings, "hires": "yes"})
                continue
            new = self.records(number, positive, negative)
            if new:
                by_text[key] = len(records)
                records += new
        records += self.groups() if not records else []
        is_empty = all(record.prompt is None and not record.not_read for record in records)
        return records + list(self.others(alone=is_empty))

    # --- samplers ----------------------------------------------------------------------------------------------------

    def samplers(self) -> list[str]:
        """Return the samplers, those that start from noise first."""
        conditions = self.conditions()
        sent = any(_EVERYWHERE.search(node.kind) for node in self.graph.nodes.values())
        found = [
            number
            for number, node in self.graph.nodes.items()
            if number not in conditions and (_is_sampler(node) or (sent and _SAMPLER.match(node.kind)))
        ]
        before = {self.graph.source(self.graph.nodes[number].links.get(name)) for number in found for name in _PIPES}
        prepares = {source.node for source in before if source is not None}
        found = [number for number in found if number not in prepares or "positive" in self.graph.nodes[number].links]
        later = self.settings.after(found)
        return sorted(found, key=lambda number: number in later)

    def conditions(self) -> set[str]:
        """Return the nodes whose output is conditioning: they only hand it on."""
        sides = ("positive", "negative", "conditioning")
        links = (node.links.get(name) for node in self.graph.nodes.values() for name in sides)
        sources = {self.graph.source(link) for link in links}
        return {source.node for source in sources if source is not None}

    def is_second_pass(self, number: str) -> bool:
        """Return whether a sampler changes a part of what another one made, as for a larger image."""
        denoise = self.graph.nodes[number].values.get("denoise")
        return isinstance(denoise, int | float) and denoise < 1

    def sides(self, number: str) -> tuple[_Found, _Found]:
        """Return the texts that lead to a sampler's two inputs."""
        node = self.graph.nodes[number]
        guider = self.graph.source(node.links.get("guider"))
        if guider is not None:
            number, node = guider.node, self.graph.nodes[guider.node]
        positive, negative = _Found(), _Found()
        for name in ("positive", "conditioning", "cond1", "cond2"):
            self.follow(node.links.get(name), "positive", positive)
        for name in ("negative", "uncond"):
            self.follow(node.links.get(name), "negative", negative)
        if not positive.texts and not negative.texts:
            for name in _PIPES:
                self.follow(node.links.get(name), "positive", positive)
                self.follow(node.links.get(name), "negative", negative)
        if not positive.texts and not negative.texts and "positive" not in node.links:
            self.everywhere(positive, negative)
        return positive, negative

    def everywhere(self, positive: _Found, negative: _Found) -> None:
        """Add what a node sends to every input that has no link."""
        for node in self.graph.nodes.values():
            if _EVERYWHERE.search(node.kind):
                links = list(node.links.values())
                self.follow(links[0] if links else None, "positive", positive)
                self.follow(links[1] if len(links) > 1 else None, "negative", negative)

    def records(self, number: str, positive: _Found, negative: _Found) -> list[Recorded]:
        texts, below = positive.read(), [text for _, text in negative.read()]
        not_read = (*positive.unread("positive"), *negative.unread("negative"))
        if not texts and not below and not not_read:
            return []
        settings, model = self.settings.of(number)
        below_text = ", ".join(dict.fromkeys(below)) if below and not negative.unread("negative") else None
        base = Recorded(None, below_text, settings, model, "positive", "", SOURCE, Dialect.COMFYUI, not_read)
        if not texts or positive.unread("positive"):
            base = replace(base, place=f"node {number}")
        if not texts:
            return [base]
        role = "positive" if len(texts) == 1 and not positive.unread("positive") else "region"
        found = [replace(base, prompt=text, role=role, place=f"node {node}") for node, text in texts]
        return [found[0], *(replace(one, not_read=()) for one in found[1:])]

    # --- conditioning ------------------------------------------------------------------------------------------------

    def follow(self, link: Link | None, role: str, found: _Found) -> None:
        """Add the texts that lead to a conditioning link."""
        waiting = [link]
        visited: set[Link] = set()
        while waiting:
            current = self.graph.source(waiting.pop(0))
            if current is None or current in visited:
                continue
            visited.add(current)
            node = self.graph.nodes[current.node]
            if _ZEROED.search(node.kind):
                self.mark(current)
            elif self.is_encoder(node):
                self.reached.add(current.node)
                for text in self.encoded(current.node):
                    found.add(current.node, text)
            elif self.holds(node, _role(node, current.slot, role)):
                self.reached.add(current.node)
                found.add(current.node, text_of(self.graph, current.node, _role(node, current.slot, role)))
            else:
                inner = self.behind(node, current, role)
                if not inner:
                    found.add(current.node, Unread(current.node, node.kind))
                waiting += inner

    def mark(self, link: Link) -> None:
        """Mark the encoders that lead to a zeroed conditioning as reached: nothing of their text is left."""
        for inner in self.graph.nodes[link.node].links.values():
            source = self.graph.source(inner)
            if source is not None:
                self.reached.add(source.node)

    def is_encoder(self, node: GraphNode) -> bool:
        """Return whether a node turns texts into conditioning."""
        names = {**node.values, **node.links}
        if _LOADER.search(node.kind) or {"positive", "negative"} <= names.keys():
            return False
        texts = any(name in names for name in (*_TEXTS, *_SEVERAL, "populated_text"))
        return _ENCODER.search(node.kind) is not None or (texts and bool({"clip", "opt_clip"} & node.links.keys()))

    def encoded(self, number: str) -> Iterator[Text]:
        """Yield the texts that an encoder encodes."""
        node = self.graph.nodes[number]
        names = {**node.values, **node.links}
        if "populated_text" in names:
            yield populated_text(self.graph, number)
            return
        several = [name for name in _SEVERAL if name in names]
        chosen = several or [name for name in _TEXTS if name in names][:1]
        texts = [text_of(self.graph, number, name) for name in chosen]
        written = [text for text in texts if text is not None and text != ""]
        yield from dict.fromkeys(written or texts[:1])
        if not chosen or (not written and any(name in node.links for name in chosen)):
            yield Unread(number, node.kind)

    def holds(self, node: GraphNode, role: str) -> bool:
        """Return whether a node has the text of a role among its own inputs, as loaders have."""
        if isinstance(node.values.get(role), str):
            return True
        return role in node.links and _LOADER.search(node.kind) is not None

    def behind(self, node: GraphNode, current: Link, role: str) -> list[Link]:
        """Return the links that a node's conditioning comes from."""
        side = _role(node, current.slot, role)
        if side in node.links:
            return [node.links[side]]
        if _SWITCH.search(node.kind):
            return self.switched(node)
        pipes = [node.links[name] for name in node.links if name in _PIPES or re.fullmatch(r"ctx_\d\d", name)]
        if pipes:
            return pipes[:1]
        named = [
            link for name, link in node.links.items() if "cond" in name.lower() and "controlnet" not in name.lower()
        ]
        return named or ([next(iter(node.links.values()))] if len(node.links) == 1 else [])

    def switched(self, node: GraphNode) -> list[Link]:
        """Return the input that a switch selects, or else the first that there is."""
        links = {re.sub(r"\D", "", name).lstrip("0"): link for name, link in node.links.items() if name[-1:].isdigit()}
        chosen = next((node.values[key] for key in ("select", "index", "Input") if key in node.values), None)
        if str(chosen) in links:
            return [links[str(chosen)]]
        there = [link for link in node.links.values() if self.graph.source(link) is not None]
        return there[:1] if chosen is None else []

    # --- the rest ----------------------------------------------------------------------------------------------------

    def groups(self) -> Iterator[Recorded]:
        """Yield group nodes of old editors, whose inside is not read."""
        for number, node in self.graph.nodes.items():
            if _GROUP.match(node.kind) and any(isinstance(value, str) for value in node.values.values()):
                unread = tuple(NotRead(number, node.kind, role) for role in ("positive", "negative"))
                yield Recorded(None, None, {}, "", "positive", f"node {number}", SOURCE, Dialect.COMFYUI, unread)

    def others(self, *, alone: bool) -> Iterator[Recorded]:
        """Yield texts that are encoded for nodes that we do not know; all of them if there are no samplers."""
        sources = (self.graph.source(link) for node in self.graph.nodes.values() for link in node.links.values())
        used = {source.node for source in sources if source is not None}
        for number, node in self.graph.nodes.items():
            if number in self.reached or not self.is_encoder(node) or not (alone or number in used):
                continue
            for text in self.encoded(number):
                unread = (NotRead(text.node, text.kind, "positive"),) if isinstance(text, Unread) else ()
                prompt = text if isinstance(text, str) else None
                if unread or (prompt and prompt.strip()):
                    yield Recorded(prompt, None, {}, "", "region", f"node {number}", SOURCE, Dialect.COMFYUI, unread)


def _is_sampler(node: GraphNode) -> bool:
    names = node.links.keys() | node.values.keys()
    if "guider" in node.links:
        return True
    if "guider" in node.kind.lower():
        return False
    if _HANDS_ON.search(node.kind) and "sampl" not in node.kind.lower() and "detail" not in node.kind.lower():
        return False
    if "positive" in node.links:
        return not _LOADER.search(node.kind) and bool(set(_SAMPLES) & names) and "control_net" not in names
    return "sampl" in node.kind.lower() and bool({"pipe", "basic_pipe", "ctx", "context"} & node.links.keys())


def _role(node: GraphNode, slot: int, role: str) -> str:
    """Return which of its two sides a node's output is; by the output's name or place, or else the one asked for."""
    name = node.outputs[slot].lower() if 0 <= slot < len(node.outputs) else ""
    if "neg" in name:
        return "negative"
    if "pos" in name:
        return "positive"
    if node.kind in _SLOTS:
        return _SLOTS[node.kind].get(slot, role)
    if {"positive", "negative"} <= node.links.keys() and slot in (0, 1) and not _HANDS_ON.search(node.kind):
        return ("positive", "negative")[slot]
    return role


__all__ = ["SOURCE", "is_workflow", "read_workflow"]
