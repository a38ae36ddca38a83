"""The nodes of the loss-free tree.

Leaves carry their text; composite nodes carry children that tile their span without a gap, so the leaves joined in
order give the source back, byte for byte. Offsets are 0-based code points, end exclusive. Knows nothing of meaning:
sections, vocabularies and dialects come later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from anima_prompt.diagnostics import Diagnostic

SeparatorKind: TypeAlias = Literal["comma", "newline", "stop", "space"]
DynamicKind: TypeAlias = Literal["wildcard", "choice", "variable", "block", "directive"]
BracketKind: TypeAlias = Literal["lowered", "schedule", "alternation"]


@dataclass(frozen=True, slots=True)
class Text:
    """Plain characters inside a unit."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Escape:
    r"""A backslash and the bracket that it makes literal: ``\(``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Quote:
    """Text to be drawn, quotation marks included. Nothing inside it is ever markup to us."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """The opening or closing piece of a group or bracket: ``(``, ``:1.2)``, ``]``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Separator:
    """What stands between two units, white space around it included.

    ``comma`` (ASCII, full-width or ideographic), ``newline``, ``stop`` (the full stop that ends a run of tags) or
    ``space`` (white space alone, where units of different kinds touch).
    """

    start: int
    end: int
    text: str
    kind: SeparatorKind


@dataclass(frozen=True, slots=True)
class Dataset:
    """``ye-pop`` or ``deviantart``, alone on line 1."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Comment:
    """A line that starts with ``#`` or ``//``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class LoraReference:
    """``<lora:name:weight>`` and its kin (``lyco``, ``hypernet``). ``weight`` is as written, empty if absent."""

    start: int
    end: int
    text: str
    name: str
    weight: str


@dataclass(frozen=True, slots=True)
class Embedding:
    """``embedding:name`` (ComfyUI) or ``<embed:name>`` (SwarmUI). A bare weight behind it is in ``text`` alone."""

    start: int
    end: int
    text: str
    name: str


@dataclass(frozen=True, slots=True)
class Dynamic:
    """``__wildcard__``, ``{a|b}``, ``${variable}`` or ``<random:a,b>``: text that another program replaces.

    ``block`` is a ``{…}`` of any other kind, a JSON object for one; ``directive`` is a ``<name:…>`` that is no LoRA.
    """

    start: int
    end: int
    text: str
    kind: DynamicKind


@dataclass(frozen=True, slots=True)
class Keyword:
    """``BREAK``, ``AND`` and the like, in capitals."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """A piece that breaks the syntax, kept as it is. ``reason`` is the name of its diagnostic."""

    start: int
    end: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class TagNode:
    """One unit of a list. ``children`` is empty when the text is plain; otherwise the pieces tile it."""

    start: int
    end: int
    text: str
    children: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class SentenceNode:
    """Natural language, its closing mark included, or a position clause with its header (``Left: red hair``).

    ``children`` as for :class:`TagNode`.
    """

    start: int
    end: int
    text: str
    children: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """``(…)``: ``weight`` is the number behind the last colon, exact as written, or None for bare parentheses."""

    start: int
    end: int
    children: tuple[Node, ...]
    weight: Decimal | None


@dataclass(frozen=True, slots=True)
class Bracket:
    """``[…]``: ``lowered`` is ``[x]``, ``schedule`` ``[a:b:0.5]``, ``alternation`` ``[a|b]``."""

    start: int
    end: int
    children: tuple[Node, ...]
    kind: BracketKind


Leaf: TypeAlias = (
    Text
    | Escape
    | Quote
    | Mark
    | Separator
    | Dataset
    | Comment
    | LoraReference
    | Embedding
    | Dynamic
    | Keyword
    | Malformed
)
Node: TypeAlias = Leaf | TagNode | SentenceNode | Group | Bracket


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed text: ``nodes`` tile ``source``; ``diagnostics`` say what is malformed."""

    source: str
    nodes: tuple[Node, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


def children_of(node: Node) -> tuple[Node, ...]:
    """Return the pieces of ``node``, empty for a leaf."""
    if isinstance(node, TagNode | SentenceNode | Group | Bracket):
        return node.children
    return ()


def leaf_texts(nodes: tuple[Node, ...]) -> Iterator[str]:
    """Yield the text of every leaf under ``nodes``, in order."""
    for node in nodes:
        if isinstance(node, Group | Bracket) or (isinstance(node, TagNode | SentenceNode) and node.children):
            yield from leaf_texts(node.children)
        else:
            yield node.text


def walk(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """Yield every node under ``nodes``, parents before children."""
    for node in nodes:
        yield node
        yield from walk(children_of(node))


def print_tree(tree: Tree) -> str:
    """Return the source text again, from the leaves."""
    return "".join(leaf_texts(tree.nodes))
