"""Text to items: every unit of a prompt text with its section, its exact weight and its span.

The one reading of a text. Whole prompts, single tags of a mapping and the arguments of every edit come through here.
Knows how each dialect turns nesting into weights and asks the vocabulary for sections; knows nothing of prompts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from anima_prompt.diagnostics import Diagnostic, Severity
from anima_prompt.dialects import Dialect
from anima_prompt.errors import PromptError
from anima_prompt.names import escape, is_artist, qualified, squeezed, text_to_name, unescape
from anima_prompt.prompt.convert import convert
from anima_prompt.prompt.spelling import canonical_text, is_known, is_name, spelled
from anima_prompt.sections import Section
from anima_prompt.syntax import nodes as syntax
from anima_prompt.syntax import parse
from anima_prompt.vocabulary import Vocabulary

ONE = Decimal(1)
BARE = Decimal("1.1")
"""The weight of one pair of bare parentheses. Source: measured, ComfyUI 0.29.0 and A1111 alike."""

NAME_SECTIONS = (Section.CHARACTER, Section.SERIES, Section.ARTIST)
"""Sections of names: parentheses inside their texts are qualifiers, never weights."""

_A1111_WEIGHT = re.compile(r":[+-]?[.\d]+\)")
_YEAR = re.compile(r"\d{4}")
_PLACES = 6
"""Decimals kept when A1111's ``[x]`` divides by 1.1."""


class Placed(NamedTuple):
    """A tag or sentence of the source: the section it belongs to, its text and weight, and its span.

    ``verbatim`` names the dialect of a text that contains markup and is kept as written.
    """

    section: Section
    text: str
    weight: Decimal
    start: int
    end: int
    verbatim: Dialect | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """The units of a text in source order, its comment lines, and the diagnostics of the parser and of the reading."""

    placed: tuple[Placed, ...]
    comments: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def read_items(text: str, *, dialect: str | Dialect = Dialect.COMFYUI, vocabulary: Vocabulary | None = None) -> Items:
    """Return the units of a prompt text. Never fails: a unit without structured form is kept verbatim.

    Raises:
        DialectError: unknown dialect.

    >>> [(i.section.value, i.text, i.start) for i in read_items("safe, (1girl:1.2)").placed]
    [('safety', 'safe', 0), ('count', '1girl', 7)]
    """
    reader = Dialect.of(dialect)
    table = vocabulary or Vocabulary.default()
    tree = parse(text, dialect=reader, known=lambda clause: is_known(clause, reader, table))
    collector = _Collector(text, reader, table)
    collector.nodes(tree.nodes, ONE)
    placed = tuple(_with_led_series(collector.items, table))
    return Items(placed, tuple(collector.comments), (*tree.diagnostics, *collector.diagnostics))


def read_entry(text: str, section: Section | None = None, *, vocabulary: Vocabulary | None = None) -> list[Placed]:
    r"""Return the tags of one written entry: a text in ComfyUI's dialect, usually a single tag.

    Args:
        section: where the writer put it. The entry is then one tag even if it looks like a sentence, parentheses in
            the name of a character, series or artist are part of the name, artists get their ``@``, and ``2024`` is a
            year.

    Raises:
        PromptError: the entry is empty, or contains a sentence.

    >>> [(tag.text, str(tag.weight)) for tag in read_entry("(long_hair:1.2)")]
    [('long hair', '1.2')]
    >>> [tag.text for tag in read_entry("new character (some series)", Section.CHARACTER)]
    ['new character \\(some series\\)']
    """
    table = vocabulary or Vocabulary.default()
    source = text.strip()
    if not source.strip(" ,"):
        raise PromptError("a tag is empty; give it a text such as 'long hair'")

    if section in NAME_SECTIONS:
        tree = parse(source, known=lambda _clause: "," not in source)
        if not _has_references(tree.nodes):
            return [_name(source, tree.nodes, section, table)] if "," not in source else _names(source, section, table)
    items = _entry_items(source, table, whole=False)
    single = len(items) == 1 and items[0].section is not Section.TEXT
    if section and not single and not any(sign in source for sign in ",，、\n\r"):
        items = _entry_items(source, table, whole=True)
    for item in items:
        if item.section is Section.TEXT:
            raise PromptError(f"'{_short(item.text)}' is a sentence, not a tag; put it among the sentences")
    if not items:
        raise PromptError(f"'{_short(source)}' contains no tag; give it a text such as 'long hair'")
    return [_in_section(item, section) for item in items] if section else items


def _entry_items(source: str, vocabulary: Vocabulary, *, whole: bool) -> list[Placed]:
    """Return the units of an entry; where it is a ``whole``, grammar does not divide it."""
    tree = parse(source, known=lambda clause: whole or is_known(clause, Dialect.COMFYUI, vocabulary))
    collector = _Collector(source, Dialect.COMFYUI, vocabulary)
    collector.nodes(tree.nodes, ONE)
    return collector.items


def leads_series(sections: list[Section], unknown: list[bool], place: int) -> bool:
    """Say whether the tag at ``place`` is unknown and directly precedes a series: most likely its character.

    >>> leads_series([Section.GENERAL, Section.SERIES], [True, False], 0)
    True
    """
    follows = place + 1 < len(sections) and sections[place + 1] is Section.SERIES
    return follows and unknown[place] and sections[place] is Section.GENERAL


def _with_led_series(items: list[Placed], vocabulary: Vocabulary) -> Iterator[Placed]:
    sections = [item.section for item in items]
    if Section.SERIES not in sections:
        yield from items
        return
    unknown = [item.verbatim is None and text_to_name(item.text) not in vocabulary for item in items]
    for place, item in enumerate(items):
        yield item._replace(section=Section.CHARACTER) if leads_series(sections, unknown, place) else item


def _names(source: str, section: Section, vocabulary: Vocabulary) -> list[Placed]:
    """Return the tags of an entry such as ``(a:1.2), b (c)``, whose commas stand outside of parentheses."""
    parts = [part for part in re.split(r",(?![^()]*\))", source) if part.strip()]
    if len(parts) == 1:  # one group round several names
        items = [item for item in read_items(source, vocabulary=vocabulary).placed if item.section is not Section.TEXT]
        return [_in_section(item, section) for item in items]
    return [placed for part in parts for placed in read_entry(part, section, vocabulary=vocabulary)]


def _name(source: str, nodes: tuple[syntax.Node, ...], section: Section, vocabulary: Vocabulary) -> Placed:
    """Return a name as a literal, with the weight of the parentheses that enclose all of it."""
    weight, start, end = ONE, 0, len(source)
    while len(nodes) == 1 and isinstance(nodes[0], syntax.Group) and not _is_bad_weight(nodes[0].children[-1]):
        group = nodes[0]
        weight = group.weight if group.weight is not None else weight * BARE
        nodes = group.children[1:-1]
        start, end = group.children[0].end, group.children[-1].start
    literal = spelled(squeezed(unescape(source[start:end])), vocabulary)
    if section is Section.ARTIST and not is_artist(literal):
        literal = spelled(f"@{literal}", vocabulary)
    return Placed(section, escape(literal), weight, start, end)


def _in_section(item: Placed, section: Section) -> Placed:
    text = item.text
    if section is Section.YEAR and _YEAR.fullmatch(text):
        text = f"year {text}"
    if section is Section.ARTIST and item.verbatim is None and not is_artist(text):
        text = f"@{text}"
    return item._replace(section=section, text=text)


def _has_references(nodes: tuple[syntax.Node, ...]) -> bool:
    kinds = syntax.Dynamic | syntax.LoraReference | syntax.Embedding | syntax.Bracket | syntax.Keyword
    return any(isinstance(node, kinds) for node in syntax.walk(nodes))


class _Collector:
    """Walks the tree once; its state is the items, comments and diagnostics so far."""

    def __init__(self, source: str, dialect: Dialect, vocabulary: Vocabulary) -> None:
        self.source = source
        self.dialect = dialect
        self.vocabulary = vocabulary
        self.items: list[Placed] = []
        self.comments: list[str] = []
        self.diagnostics: list[Diagnostic] = []

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
            verbatim = not all(isinstance(node, syntax.TagNode | syntax.Malformed) and _is_plain(node) for node in run)
            self.tag(text, weight, run[0].start, run[-1].end, verbatim=verbatim)
            return
        for node in run:
            self.node(node, weight)

    def node(self, node: syntax.Node, weight: Decimal) -> None:
        if isinstance(node, syntax.TagNode):
            self.plain_or_verbatim(node, weight)
        elif isinstance(node, syntax.SentenceNode):
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

    def plain_or_verbatim(self, node: syntax.TagNode, weight: Decimal) -> None:
        if not node.children or _is_plain(node):
            self.tag(canonical_text(node.text, self.dialect, self.vocabulary), weight, node.start, node.end)
        elif self.is_bare_name(node):
            name = escape(spelled(squeezed(unescape(node.text, self.dialect)), self.vocabulary))
            message = f"the parentheses of '{node.text}' are a weight here; read as the name, write '{name}'"
            self.diagnostics.append(
                Diagnostic("paren-unescaped-qualifier", Severity.WARNING, node.start, node.end, message)
            )
            self.tag(name, weight, node.start, node.end)
        else:
            self.tag(node.text, weight, node.start, node.end, verbatim=True)

    def is_bare_name(self, node: syntax.TagNode) -> bool:
        """Say whether a tag is a name whose qualifiers lack their escapes: ``fern (sousou no frieren)``."""
        if not any(isinstance(child, syntax.Group) for child in node.children):
            return False
        literal = unescape(node.text, self.dialect)  # '(reverse:1999)' is a weight of 1999 to the parser
        return qualified(literal) is not None and is_name(squeezed(literal), self.vocabulary)

    def group(self, node: syntax.Group, weight: Decimal) -> None:
        source = self.source[node.start : node.end]
        if any(isinstance(inner, syntax.SentenceNode) for inner in syntax.walk(node.children)):
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


def _is_bad_weight(node: syntax.Node) -> bool:
    return isinstance(node, syntax.Malformed) and node.reason.startswith("weight-")


def _is_plain(node: syntax.Node) -> bool:
    """Say whether a node is text that escaping alone can carry from one dialect to another."""
    if isinstance(node, syntax.Malformed):
        return node.text in '()"'
    if not isinstance(node, syntax.TagNode):
        return False
    return all(
        isinstance(child, syntax.Text | syntax.Escape)
        or (isinstance(child, syntax.Quote) and not any(char in "()[]\\," for char in child.text))
        for child in node.children
    )


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
