"""Settings on the way into a sampler: steps, guidance scale, sampler, scheduler, shift, size, seed and model."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from anima_prompt.interchange.workflow.graph import Graph, GraphNode, Link

_FIGURES = {
    "steps": "steps",
    "cfg": "guidance_scale",
    "sampler_name": "sampler",
    "scheduler": "scheduler",
    "shift": "shift",
    "width": "width",
    "height": "height",
    "empty_latent_width": "width",
    "empty_latent_height": "height",
    "seed": "seed",
    "noise_seed": "seed",
}
_TEXTS = ("sampler", "scheduler")
_MODELS = ("unet_name", "ckpt_name", "base_ckpt_name", "gguf_name", "model_name")
_OTHER_MODELS = re.compile(r"upscale|control|clip|vae|detect|segm|sam", re.IGNORECASE)
_ASIDE = ("positive", "negative", "clip", "text", "conditioning", "control_net", "vae")
_NUMBERS = ("value", "int", "number", "Number", "seed", "float", "INT", "FLOAT", "a")
_BUDGET = 100_000
"""Nodes that are visited for the settings of all samplers of a graph; a hostile one could ask for every pair."""


class SettingsReader:
    """Reads settings by walking back from samplers."""

    def __init__(self, graph: Graph) -> None:
        """Read a graph."""
        self.graph = graph
        self.budget = _BUDGET

    def of(self, sampler: str) -> tuple[dict[str, str], str]:
        """Return the settings of a sampler, nearest first, and the model's file name."""
        figures: dict[str, str] = {}
        model = ""
        for node in self._behind(sampler):
            for theirs, ours in _FIGURES.items():
                value = self._value(node, theirs)
                if value is not None and ours not in figures and (ours in _TEXTS) == isinstance(value, str):
                    figures[ours] = str(value)
            names = [node.values[key] for key in _MODELS if isinstance(node.values.get(key), str)]
            if names and not _OTHER_MODELS.search(node.kind):
                model = model or str(names[0])
        return figures, model

    def after(self, samplers: Collection[str]) -> set[str]:
        """Return the samplers that start from what another one made."""
        wanted = set(samplers)
        return {
            sampler
            for sampler in samplers
            if any(number in wanted for number in self._numbers_behind(sampler) if number != sampler)
        }

    def _behind(self, sampler: str) -> Iterator[GraphNode]:
        for number in self._numbers_behind(sampler):
            yield self.graph.nodes[number]

    def _numbers_behind(self, start: str) -> Iterator[str]:
        waiting, seen = [start], {start}
        for number in waiting:
            self.budget -= 1
            if self.budget < 0:
                return
            yield number
            for name, link in self.graph.nodes[number].links.items():
                source = self.graph.source(link)
                if source is not None and source.node not in seen and name not in _ASIDE:
                    seen.add(source.node)
                    waiting.append(source.node)

    def _value(self, node: GraphNode, name: str) -> Any:
        """Return the number or name of an input, its own or that of the node that contains it."""
        value = node.values.get(name)
        if name in node.links:
            value = self._held(node.links[name])
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
            return None
        if isinstance(value, str) and _FIGURES[name] not in _TEXTS:
            return int(value) if re.fullmatch(r"-?\d{1,20}", value) else None
        return value

    def _held(self, link: Link) -> Any:
        source = self.graph.source(link)
        if source is None:
            return None
        node = self.graph.nodes[source.node]
        values = [node.values[key] for key in _NUMBERS if key in node.values]
        return values[0] if values else None
