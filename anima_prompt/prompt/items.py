"""Text to items: every unit of a prompt text with its section, its exact weight and its span.

The one reading of a text. Whole prompts, single tags of a mapping and the arguments of every edit come through here.
Knows how each dialect turns nesting into weights and asks the vocabulary for sections; knows nothing of prompts.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from anima_prompt.diagnostics import Diagnostic, Severity
from anima_prompt.dialects import Dialect
from anima_prompt.errors import PromptError
from anima_prompt.names import escape, is_artist, qualified, squeezed, text_to_name, unescape
from anima_prompt.prompt.balance import parse_balanced
from anima_prompt.prompt.convert import convert
from anima_prompt.prompt.spelling import canonical_text, is_known, is_name, spelled
from anima_prompt.sections import Section
from anima_prompt.syntax import nodes as syntax
from anima_prompt.syntax import parse
from anima_prompt.syntax.headers import BULLET
from anima_prompt.vocabulary import Vocabulary

ONE = Decimal(1)
BARE = Decimal("1.1")
"""The weight of one pair of bare parentheses. Source: measured, ComfyUI 0.29.0 and A1111 alike."""

NAME_SECTIONS = (Section.CHARACTER, Section.SERIES, Section.ARTIST)
"""Sections of names: parentheses inside their texts are qualifiers, never weights."""

_BULLET = re.compile(rf"^[^\S\n]*({BULLET.pattern})", re.MULTILINE)
_A1111_WEIGHT = re.compile(r":[+-]?[.\d]+\)")
_YEAR = re.compile(r"\d{4}")
_PLACES = 6
"""Decimals kept when A1111's ``[x]`` divides by 1.1."""


class Placed(NamedTuple):
    """A tag or sentence of the source: the section it belongs to, its text and weight, and its span.

    ``verbatim`` names the dialect of a text that contains markup and is kept as written. ``led`` says that an unknown
    name is a character because a series follows it; it stays before the series, after the other characters.
    """

    section: Section
    text: str
    weight: Decimal
    start: int
    end: int
    verbatim: Dialect | None = None
    led: bool = False


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
    balanced = parse_balanced(text, reader, lambda clause: is_known(clause, reader, table))
    collector = _Collector(balanced.tree.source, reader, table)
    collector.nodes(balanced.tree.nodes, ONE)
    placed = tuple(_with_led_series(collector.items, table))
    diagnostics = tuple(collector.diagnostics)
    if balanced.added:
        placed = tuple(item._replace(start=balanced.place(item.start), end=balanced.place(item.end)) for item in placed)
        diagnostics = tuple(
            replace(diagnostic, start=balanced.place(diagnostic.start), end=balanced.place(diagnostic.end))
            for diagnostic in diagnostics
        )
    return Items(placed, tuple(collector.comments), (*balanced.source_tree.diagnostics, *diagnostics))


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
        raise PromptError("a tag is empty; pass a text such as 'long hair'")

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
        raise PromptError(f"'{_short(source)}' contains no tag; pass a text such as 'long hair'")
    return [_in_section(item, section) for item in items] if section else items


def _entry_items(source: str, vocabulary: Vocabulary, *, whole: bool) -> list[Placed]:
    """Return the units of an entry; where it is a ``whole``, grammar does not divide it."""
    tree = parse_balanced(
        source, Dialect.COMFYUI, lambda clause: whole or is_known(clause, Dialect.COMFYUI, vocabulary)
    ).tree
    collector = _Collector(tree.source, Dialect.COMFYUI, vocabulary)
    collector.nodes(tree.nodes, ONE)
    return collector.items


def led_places(sections: list[Section], unknown: list[bool]) -> set[int]:
    """Return the indices of unknown tags directly before series: as many as series follow are most likely characters.

    >>> general, series = Section.GENERAL, Section.SERIES
    >>> led_places([general, general, series], [True, True, False])
    {1}
    >>> sorted(led_places([general, general, series, series], [True, True, False, False]))
    [0, 1]
    """
    places: set[int] = set()
    waiting = 0
    for place in range(len(sections) - 1, -1, -1):
        if sections[place] is Section.SERIES:
            waiting += 1
        elif waiting and unknown[place] and sections[place] is Section.GENERAL:
            places.add(place)
            waiting -= 1
        else:
            waiting = 0
    return places


def _with_led_series(items: list[Placed], vocabulary: Vocabulary) -> Iterator[Placed]:
    sections = [item.section for item in items]
    if Section.SERIES not in sections:
        yield from items
        return
    unknown = [item.verbatim is None and text_to_name(item.text) not in vocabulary for item in items]
    led = led_places(sections, unknown)
    for place, item in enumerate(items):
        yield item._replace(section=Section.CHARACTER, led=True) if place in led else item


def _names(source: str, section: Section, vocabulary: Vocabulary) -> list[Placed]:
    """Return the tags of an entry such as ``(a:1.2), b (c)``, whose commas are outside of parentheses."""
    parts = [part for part in re.split(r",(?![^()]*\))", source) if part.strip()]
    if len(parts) == 1:  # a group around several names
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
        self.bullets = _bullets(source) if dialect.reads_weights else {}
        self.bullet_starts = list(self.bullets)
        self.reported = False
        self.items: list[Placed] = []
        self.comments: list[str] = []
        self.diagnostics: list[Diagnostic] = []

    def nodes(self, nodes: tuple[syntax.Node, ...], weight: Decimal) -> None:
        """Collect a level. Pieces that touch a malformed piece, or with only spaces between, are one tag with it."""
        run: list[syntax.Node] = []
        for place, whole in enumerate(nodes):
            node = self.without_bullet(whole) if whole.start in self.bullets else whole
            if node is None:
                continue
            if isinstance(node, syntax.Separator):
                if run and node.kind == "space" and _is_malformed(run[-1], *nodes[place + 1 : place + 2]):
                    run.append(node)
                    continue
                self.run(run, weight)
                run = []
            elif not isinstance(node, syntax.Mark):
                run.append(node)
        self.run(run, weight)

    def without_bullet(self, node: syntax.Node) -> syntax.Node | None:
        """Return a tag of a list without its ``- `` or ``2. ``, which are only markup at the start of a line."""
        end = self.bullets[node.start]
        if not isinstance(node, syntax.TagNode):
            return node
        self.report_bullet(node.start, end)
        if node.end <= end:
            return None
        text = self.source[end : node.end]
        children = tuple(
            syntax.Text(end, child.end, child.text[end - child.start :])
            if isinstance(child, syntax.Text) and child.start < end
            else child
            for child in node.children
            if child.end > end
        )
        return children[0] if len(children) == 1 else syntax.TagNode(end, node.end, text, children)

    def report_bullet(self, start: int, end: int) -> None:
        """Report the first removed bullet; the others are not reported."""
        if not self.reported:
            message = "list markers are removed; separate tags by commas"
            self.diagnostics.append(Diagnostic("list-bullets", Severity.WARNING, start, end, message))
            self.reported = True

    def run(self, run: list[syntax.Node], weight: Decimal) -> None:
        if len(run) > 1 or (run and isinstance(run[0], syntax.Malformed)):
            self.touching(run, weight)
        elif run:
            self.node(run[0], weight)

    def touching(self, run: list[syntax.Node], weight: Decimal) -> None:
        """Collect pieces with nothing between them."""
        if run and isinstance(run[-1], syntax.Separator):
            run = run[:-1]
        if _is_malformed(*run):
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
        """Return whether a tag is a name whose qualifiers lack their escapes: ``fern (sousou no frieren)``."""
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
        source = self.source[node.start : node.end]
        places = self.bullet_starts
        starts = places[bisect_right(places, node.start) : bisect_left(places, node.end)]
        inside = [(start, self.bullets[start]) for start in starts]
        for start, end in reversed(inside):  # a clause whose points are on separate lines
            self.report_bullet(*inside[0])
            before, behind = source[: start - node.start].rstrip(), source[end - node.start :]
            source = f"{before}{' ' if before[-1:] in ':.!?,' else ', '}{behind}"
        text = squeezed(convert(source, self.dialect, Dialect.COMFYUI).text)
        if text:
            self.items.append(Placed(Section.TEXT, text, weight, node.start, node.end))

    def literal(self, node: syntax.Node) -> str:
        text = self.source[node.start : node.end]
        if isinstance(node, syntax.Malformed):
            return escape(text) if text in "()" else text
        return canonical_text(text, self.dialect, self.vocabulary) if _is_plain(node) else text


def _bullets(source: str) -> dict[int, int]:
    r"""Return the spans of the bullets of a list: at the start of two lines or more, and all alike.

    >>> _bullets("- smile\n- hat"), _bullets("- smile"), _bullets("1. smile\n- hat")
    ({0: 2, 8: 10}, {}, {})
    """
    if "\n" not in source:
        return {}
    bullets = list(_BULLET.finditer(source))
    kinds = {"1" if match[1][0].isdecimal() else match[1][0] for match in bullets}
    return {match.start(1): match.end() for match in bullets} if len(bullets) > 1 and len(kinds) == 1 else {}


def _is_malformed(*nodes: syntax.Node) -> bool:
    return any(isinstance(node, syntax.Malformed) for node in nodes)


def _is_bad_weight(node: syntax.Node) -> bool:
    return isinstance(node, syntax.Malformed) and node.reason.startswith("weight-")


def _is_plain(node: syntax.Node) -> bool:
    """Return whether a node is text that only needs escaping in another dialect."""
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
