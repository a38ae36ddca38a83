"""Node graphs, whichever form they were saved in; and the API form, which names nodes and inputs plainly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from anima_prompt.errors import InputError

MOST_NODES = 100_000


class Link(NamedTuple):
    """Where an input comes from: a node and which of its outputs."""

    node: str
    slot: int


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One node.

    Attributes:
        kind: its class.
        values: its plain inputs; none that is replaced by a link.
        links: its linked inputs.
        outputs: names of its outputs, where the file has them.
    """

    kind: str
    values: dict[str, Any] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes by id, and outputs that stand for another node's output: reroutes, bypassed nodes, sub-graphs.

    ``texts`` are those that were read already, by output: a text that goes many ways is joined once.
    """

    nodes: dict[str, GraphNode] = field(default_factory=dict)
    aliases: dict[Link, Link | None] = field(default_factory=dict)
    texts: dict[Link, Any] = field(default_factory=dict)

    def source(self, link: Link | None) -> Link | None:
        """Return the output that a link really comes from; None if there is no such node."""
        seen = set()
        while link is not None and link in self.aliases:
            if link in seen:
                return None
            seen.add(link)
            link = self.aliases[link]
        return link if link is not None and link.node in self.nodes else None

    def add(self, number: str, node: GraphNode, source: str) -> None:
        """Add a node.

        Raises:
            InputError: there are too many.
        """
        if len(self.nodes) >= MOST_NODES:
            raise InputError(f"{source}: has more than {MOST_NODES} nodes; at most {MOST_NODES} are read")
        self.nodes[number] = node


def api_nodes(data: object) -> dict[str, Any] | None:
    """Return the nodes of the API form, with or without an envelope; None for another form."""
    if not isinstance(data, dict):
        return None
    for candidate in (data.get("prompt"), data.get("output"), data):
        if isinstance(candidate, dict):
            nodes = {str(key): node for key, node in candidate.items() if _is_node(node)}
            if nodes:
                return nodes
    return None


def _is_node(node: object) -> bool:
    return isinstance(node, dict) and isinstance(node.get("class_type"), str)


def api_graph(nodes: Mapping[str, Any], source: str) -> Graph:
    """Return the graph of the API form.

    Raises:
        InputError: it has too many nodes.
    """
    graph = Graph()
    for number, node in nodes.items():
        inputs = node.get("inputs")
        inputs = inputs if isinstance(inputs, dict) else {}
        links = {key: Link(str(value[0]), value[1]) for key, value in inputs.items() if _is_link(value)}
        values = {key: value for key, value in inputs.items() if key not in links}
        graph.add(number, GraphNode(node["class_type"], values, links), source)
        if is_relay(node["class_type"]) and len(links) == 1:
            graph.aliases[Link(number, 0)] = next(iter(links.values()))
    return graph


def is_relay(kind: str) -> bool:
    """Return whether a node hands its one input on as it is."""
    return kind.lower().startswith("reroute")


def _is_link(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int) and type(value[1]) is int
