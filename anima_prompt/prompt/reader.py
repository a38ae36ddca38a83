"""Tree to prompt: give every unit its section and its exact weight.

Knows how each dialect turns nesting into weights and asks the vocabulary for sections; knows nothing of printing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from anima_prompt.diagnostics import Diagnostic
from anima_prompt.dialects import Dialect
from anima_prompt.names import artist_name, escape, is_artist, is_everyday, spaced, squeezed, text_to_name, unescape
from anima_prompt.prompt.convert import convert
from anima_prompt.prompt.model import ONE, Place, Prompt, Sentence, Tag, with_fields
from anima_prompt.sections import Section
from anima_prompt.syntax import nodes as syntax
from anima_prompt.syntax import parse
from anima_prompt.vocabulary import Vocabulary

BARE = Decimal("1.1")
"""The weight of one pair of bare parentheses. Source: measured, ComfyUI 0.29.0 and A1111 alike."""

_A1111_WEIGHT = re.compile(r":[+-]?[.\d]+\)")
_PLACES = 6
"""Decimals kept when A1111's ``[x]`` divides by 1.1."""


class Placed(NamedTuple):
    """A tag or sentence of the source: where it stood and where it belongs."""

    section: Section
    text: str
    weight: Decimal
    start: int
    end: int
    verbatim: Dialect | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What :func:`read` found: the prompt, every item with its span, and the parser's diagnostics."""

    prompt: Prompt
    items: tuple[Placed, ...]
    diagnostics: tuple[Diagnostic, ...]


def read(text: str, *, dialect: str | Dialect = Dialect.COMFYUI, vocabulary: Vocabulary | None = None) -> Reading:
    """Read a prompt text and keep track of where everything stood.

    >>> [(i.section.value, i.text, i.start) for i in read("safe, (1girl:1.2)").items]
    [('safety', 'safe', 0), ('count', '1girl', 7)]
    """
    reader = Dialect.of(dialect)
    table = vocabulary or Vocabulary.default()
    tree = parse(text, dialect=reader, known=lambda clause: is_known(clause, reader, table))
    collector = _Collector(text, reader, table)
    collector.nodes(tree.nodes, ONE)
    return Reading(collector.prompt(), tuple(collector.items), tree.diagnostics)


def canonical_text(source: str, dialect: Dialect, vocabulary: Vocabulary) -> str:
    r"""Return a plain tag of a source text in the form that :class:`Tag` holds.

    Underscores become spaces, but an artist that no table knows keeps them: LoRA triggers look like that.

    >>> [canonical_text(t, Dialect.COMFYUI, Vocabulary.default()) for t in ("long_hair", "@shinkawa_youji", "@my_lora")]
    ['long hair', '@shinkawa youji', '@my_lora']
    """
    if is_everyday(source):
        return source
    literal = squeezed(unescape(source, dialect))
    if is_artist(literal) and artist_name(literal, Dialect.PLAIN) not in vocabulary:
        return escape(literal)
    return escape(squeezed(spaced(literal)))


def is_known(clause: str, dialect: Dialect, vocabulary: Vocabulary) -> bool:
    """Say whether a clause of a source text is the text of a tag, or with an ``@`` of an artist, in the vocabulary."""
    literal = unescape(clause, dialect)
    if is_artist(literal):
        return artist_name(literal, Dialect.PLAIN) in vocabulary
    return text_to_name(literal, Dialect.PLAIN) in vocabulary


class _Collector:
    """Walks the tree once; what it has found so far is its state."""

    def __init__(self, source: str, dialect: Dialect, vocabulary: Vocabulary) -> None:
        self.source = source
        self.dialect = dialect
        self.vocabulary = vocabulary
        self.items: list[Placed] = []
        self.comments: list[str] = []

    def nodes(self, nodes: tuple[syntax.Node, ...], weight: Decimal) -> None:
        """Collect a level. Pieces that touch a malformed one become one literal tag with it."""
        run: list[syntax.Node] = []
        for node in nodes:
            if isinstance(node, syntax.Separator):
                self.run(run, weight)
                run = []
            elif not isinstance(node, syntax.Mark):
                run.append(node)
        self.run(run, weight)

    def run(self, run: list[syntax.Node], weight: Decimal) -> None:
        if len(run) > 1 or (run and isinstance(run[0], syntax.Malformed)):
            self.touching(run, weight)
        elif run:
            self.node(run[0], weight)

    def touching(self, run: list[syntax.Node], weight: Decimal) -> None:
        """Collect pieces with nothing between them."""
        if any(isinstance(node, syntax.Malformed) for node in run):
            text = "".join(self.literal(node) for node in run)
            verbatim = not all(isinstance(node, syntax.Tag | syntax.Malformed) and _is_plain(node) for node in run)
            self.tag(text, weight, run[0].start, run[-1].end, verbatim=verbatim)
            return
        for node in run:
            self.node(node, weight)

    def node(self, node: syntax.Node, weight: Decimal) -> None:
        if isinstance(node, syntax.Tag):
            if not node.children or _is_plain(node):
                text = canonical_text(node.text, self.dialect, self.vocabulary)
                self.tag(text, weight, node.start, node.end)
            else:
                self.tag(node.text, weight, node.start, node.end, verbatim=True)
        elif isinstance(node, syntax.Sentence):
            self.sentence(node, weight)
        elif isinstance(node, syntax.Group):
            self.group(node, weight)
        elif isinstance(node, syntax.Bracket):
            self.bracket(node, weight)
        elif isinstance(node, syntax.Dataset):
            self.items.append(Placed(Section.DATASET, node.text, ONE, node.start, node.end))
        elif isinstance(node, syntax.Comment):
            self.comments.append(node.text.strip())
        else:
            self.tag(self.source[node.start : node.end], weight, node.start, node.end, verbatim=True)

    def group(self, node: syntax.Group, weight: Decimal) -> None:
        source = self.source[node.start : node.end]
        if any(isinstance(inner, syntax.Sentence) for inner in syntax.walk(node.children)):
            self.sentence(node, weight)
            return
        closer = self.source[node.children[-1].start : node.end]
        foreign = node.weight is not None and self.dialect is Dialect.A1111 and not _A1111_WEIGHT.fullmatch(closer)
        if foreign or any(_is_bad_weight(child) for child in node.children):
            self.tag(source, weight, node.start, node.end, verbatim=True)
            return
        own = BARE if node.weight is None else node.weight
        multiplies = node.weight is None or self.dialect.nested_weights_multiply
        self.nodes(node.children, weight * own if multiplies and weight != ONE else own)

    def bracket(self, node: syntax.Bracket, weight: Decimal) -> None:
        if self.dialect.reads_brackets and node.kind == "lowered":
            self.nodes(node.children, round(weight / BARE, _PLACES))
        else:
            self.tag(self.source[node.start : node.end], weight, node.start, node.end, verbatim=True)

    def tag(self, text: str, weight: Decimal, start: int, end: int, *, verbatim: bool = False) -> None:
        if not text or text.isspace():
            return
        section = self.vocabulary.section_of(text)
        self.items.append(Placed(section, text, weight, start, end, self.dialect if verbatim else None))

    def sentence(self, node: syntax.Node, weight: Decimal) -> None:
        text = squeezed(convert(self.source[node.start : node.end], self.dialect, Dialect.COMFYUI).text)
        if text:
            self.items.append(Placed(Section.TEXT, text, weight, node.start, node.end))

    def literal(self, node: syntax.Node) -> str:
        text = self.source[node.start : node.end]
        if isinstance(node, syntax.Malformed):
            return escape(text) if text in "()" else text
        return canonical_text(text, self.dialect, self.vocabulary) if _is_plain(node) else text

    def prompt(self) -> Prompt:
        """Sort the items into sections; sentences decide which general tags are closing ones."""
        sections: dict[str, list[Tag]] = {}
        sentences: list[Sentence] = []
        tags = 0
        closing = False
        for item in self.items:
            if item.section is Section.TEXT:
                place: Place = "after" if tags else "before"
                closing = closing or place == "after"
                sentences.append(Sentence(item.text, place))
                continue
            tags += item.section is not Section.DATASET
            key = "closing" if closing and item.section is Section.GENERAL else item.section.value
            sections.setdefault(key, []).append(Tag(item.text, item.weight, item.verbatim))
        fields: dict[str, Any] = {key: tuple(value) for key, value in sections.items()}
        fields |= {"sentences": tuple(sentences), "comments": tuple(self.comments)}
        return with_fields(Prompt(), fields)


def _is_bad_weight(node: syntax.Node) -> bool:
    return isinstance(node, syntax.Malformed) and node.reason.startswith("weight-")


def _is_plain(node: syntax.Node) -> bool:
    """Say whether a node is text that escaping alone can carry from one dialect to another."""
    if isinstance(node, syntax.Malformed):
        return node.text in '()"'
    if not isinstance(node, syntax.Tag):
        return False
    return all(
        isinstance(child, syntax.Text | syntax.Escape)
        or (isinstance(child, syntax.Quote) and not any(char in "()[]\\," for char in child.text))
        for child in node.children
    )
