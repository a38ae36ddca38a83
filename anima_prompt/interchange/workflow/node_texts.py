"""The text that a node of a graph hands on: its own, joined from others, or not to be known from the file.

A text is read only from nodes that are known to hand it on as it stands. Whatever writes, describes, draws or
translates texts is not read: its inputs are instructions, not prompts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from anima_prompt.interchange.workflow.graph import Graph, GraphNode, Link

_DEPTH = 64
_LONGEST = 4_000_000
_WRITERS = re.compile(
    r"llm|gpt|ollama|generat|textgen|caption|tagger|interrogat|florence|vision|vlm|gemini|claude|openai|chat|random|"
    r"translat|loadtext|load text|load_text|from ?file|joy|styl|enhanc|rewrite|upsampl|deepdanbooru|groq|lmstudio|qwen|"
    r"moondream|describe|imageto|image to|magic|wildcard|regex|split|find|list|batch|csv|"
    r"(?<!multi)(?<!multi-)(?<!multi )line|json|format|length|compare",
    re.IGNORECASE,
)
_HOLDERS = re.compile(r"primitive|string|text|prompt|literal|constant|easy positive|easy negative", re.IGNORECASE)
_HELD = (
    *("value", "string", "text", "Text", "prompt", "String", "multiline_text", "positive", "negative"),
    *("text_value", "Prompt", "positive_prompt", "negative_prompt", "input", "widget 0"),
)
_SHOWS = re.compile(
    r"show ?text|showanything|show ?any|display ?text|displayany|preview ?any|preview ?text", re.IGNORECASE
)
_JOINS = re.compile(r"(concat|join|combine|append|merge)", re.IGNORECASE)
_PART = re.compile(r"(?:text|string|prompt|str|input)_?(?:[a-z]|\d{1,3})", re.IGNORECASE)
_DELIMITERS = ("delimiter", "separator", "sep", "glue")
_SWITCHES = re.compile(r"switch|^any |selector|mux", re.IGNORECASE)
_CHOICES = re.compile(r"(?:any|input|text|string|prompt|value|conditioning)_?0*(\d{1,3})", re.IGNORECASE)
_DYNAMIC = re.compile(r"[{}]|__")


@dataclass(frozen=True, slots=True)
class Unread:
    """The node that a text comes from and cannot be read from."""

    node: str
    kind: str


Text = str | Unread | None
"""A text, the node that it cannot be read from, or nothing: the input is not there."""


def text_of(graph: Graph, number: str, name: str, depth: int = 0) -> Text:
    """Return the text of a node's input."""
    node = graph.nodes[number]
    if name in node.links:
        return linked_text(graph, node.links[name], depth)
    value = node.values.get(name)
    return value if isinstance(value, str) else None


def linked_text(graph: Graph, link: Link, depth: int = 0) -> Text:
    """Return the text that a link brings."""
    source = graph.source(link)
    if source is None:
        return None
    number, node = source.node, graph.nodes[source.node]
    if source not in graph.texts:
        graph.texts[source] = Unread(number, node.kind)  # what a circle comes back to
        found = None if depth > _DEPTH else _handed_on(graph, source, depth + 1)
        if found is not None and not (isinstance(found, str) and len(found) > _LONGEST):
            graph.texts[source] = found
    known: Text = graph.texts[source]
    return known


def _handed_on(graph: Graph, source: Link, depth: int) -> Text:
    """Return the text of a node's output; None if the node is not known to hand one on."""
    number = source.node
    node = graph.nodes[number]
    if "populated_text" in node.values or "populated_text" in node.links:
        return populated_text(graph, number, depth)
    if _SHOWS.search(node.kind):
        return _shown(graph, number, depth)
    if _SWITCHES.search(node.kind):
        return _switched(graph, number, depth)
    if node.kind == "StringFunction|pysssss":
        return _string_function(graph, number, depth)
    if node.kind in ("StringReplace", "StringTrim"):
        return _edited(graph, number, depth)
    if _JOINS.search(node.kind) and not _WRITERS.search(node.kind):
        return _joined(graph, number, depth)
    return _held(graph, source, depth)


def populated_text(graph: Graph, number: str, depth: int = 0) -> Text:
    """Return the text that a node drew from wildcards when it was queued; the template if it has none to draw."""
    drawn = text_of(graph, number, "populated_text", depth)
    if not isinstance(drawn, str) or drawn.strip():
        return drawn
    for name in ("wildcard_text", "text"):
        template = text_of(graph, number, name, depth)
        if isinstance(template, str) and template.strip():
            return Unread(number, graph.nodes[number].kind) if _DYNAMIC.search(template) else template
    return drawn


def _shown(graph: Graph, number: str, depth: int) -> Text:
    """Return the text that a display node gets, or else the one that it showed when the file was saved."""
    node = graph.nodes[number]
    found: Text = None
    for name in ("text", "anything", "source", "input", *node.links):
        if name in node.links:
            found = linked_text(graph, node.links[name], depth)
            break
    if isinstance(found, str):
        return found
    shown = next((node.values[key] for key in ("text_0", "text_1", "text2", "text") if key in node.values), None)
    if isinstance(shown, list):
        shown = next((item for item in shown if isinstance(item, str)), None)
    return shown if isinstance(shown, str) and shown.strip() else found


def _switched(graph: Graph, number: str, depth: int) -> Text:
    """Return the input that a switch selects, or else the first that there is."""
    node = graph.nodes[number]
    links = {match[1]: link for name, link in node.links.items() if (match := _CHOICES.fullmatch(name))}
    chosen = next((node.values[key] for key in ("select", "index", "Input", "input") if key in node.values), None)
    if str(chosen) in links:
        return linked_text(graph, links[str(chosen)], depth)
    if chosen is not None or not links:
        return None
    return next((found for link in links.values() if (found := linked_text(graph, link, depth)) is not None), None)


def _joined(graph: Graph, number: str, depth: int) -> Text:
    node = graph.nodes[number]
    names = sorted((name for name in {**node.values, **node.links} if _PART.fullmatch(name)), key=_natural)
    given = next((node.values[key] for key in _DELIMITERS if isinstance(node.values.get(key), str)), None)
    if any(key in node.links for key in _DELIMITERS) or not names:
        return None
    delimiter = (given or "").replace("\\n", "\n")
    parts: list[str] = []
    for name in names:
        part = text_of(graph, number, name, depth)
        if isinstance(part, Unread):
            return part
        if part or (part == "" and node.kind == "StringConcatenate"):
            parts.append(part.strip() if node.values.get("clean_whitespace") == "true" else part)
    return delimiter.join(parts)


def _natural(name: str) -> tuple[str, int, str]:
    digits = re.search(r"\d+$", name)
    return (name[: digits.start()], int(digits[0]), "") if digits else (name[:-1], -1, name)


def _string_function(graph: Graph, number: str, depth: int) -> Text:
    node = graph.nodes[number]
    parts = [text_of(graph, number, name, depth) for name in ("text_a", "text_b", "text_c")]
    unread = next((part for part in parts if isinstance(part, Unread)), None)
    if unread is not None:
        return unread
    texts = [part if isinstance(part, str) else "" for part in parts]
    if node.values.get("action") == "replace":
        return None if texts[1].startswith("/") else texts[0].replace(texts[1], texts[2])
    return (", " if node.values.get("tidy_tags") == "yes" else "").join(filter(None, texts))


def _edited(graph: Graph, number: str, depth: int) -> Text:
    node = graph.nodes[number]
    text = text_of(graph, number, "string", depth)
    if not isinstance(text, str):
        return text
    if node.kind == "StringTrim":
        modes = {"Both": text.strip(), "Left": text.lstrip(), "Right": text.rstrip()}
        return modes.get(str(node.values.get("mode", "Both")))
    old, new = (text_of(graph, number, name, depth) for name in ("find", "replace"))
    return text.replace(old, new) if isinstance(old, str) and isinstance(new, str) and old else None


def _held(graph: Graph, source: Link, depth: int) -> Text:
    """Return the text that a node contains, if it passes it on unchanged."""
    node = graph.nodes[source.node]
    if _WRITERS.search(node.kind) or not _HOLDERS.search(node.kind):
        return None
    names = [name for name in _held_names(node, source.slot) if name in node.links or name in node.values]
    links = [name for name in node.links if _is_text_name(name)]
    if not names or len(links) > 1 or (links and links[0] != names[0]):
        return None
    return text_of(graph, source.node, names[0], depth)


def _held_names(node: GraphNode, slot: int) -> Iterator[str]:
    """Yield the inputs that may be the text of an output, the likeliest first."""
    output = node.outputs[slot].lower() if 0 <= slot < len(node.outputs) else ""
    if "neg" in output or ({"positive", "negative"} <= node.values.keys() and slot == 1):
        yield from (name for name in ("negative", "negative_prompt") if name in node.values)
    yield from _HELD
    texts = [name for name, value in node.values.items() if isinstance(value, str)]
    if len(texts) == 1:
        yield texts[0]


def _is_text_name(name: str) -> bool:
    return name in _HELD or _PART.fullmatch(name) is not None
