"""One text as the rules see it: the tree, and flat lists of its tags, sentences, groups and references.

Built in one walk. Knows nothing of rules.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from anima_prompt.diagnostics import Edit, Part
from anima_prompt.lint.document import Settings
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.fixing import Protected
from anima_prompt.sections import Section
from anima_prompt.syntax import nodes as syntax
from anima_prompt.syntax import parse

if TYPE_CHECKING:
    from anima_prompt.vocabulary.packs import Entry
    from anima_prompt.vocabulary.relations import Clash

NEUTRAL = Decimal(1)
UNNUMBERED = Decimal("1.1")

Inner = syntax.TagNode | syntax.SentenceNode | syntax.Group | syntax.Bracket


@dataclass(slots=True, eq=False)
class Level:
    """One list of nodes: the whole text, or the inside of a group or bracket."""

    nodes: tuple[syntax.Node, ...]
    owner: syntax.Group | syntax.Bracket | None = None
    parent: Level | None = None
    place: int = 0


@dataclass(slots=True, eq=False)
class Item:
    """A tag and its position.

    Attributes:
        facts: section, name and vocabulary entry of its text.
        start, end: span.
        weight: as computed by the front end.
        level, place: the list of nodes that contains it, and its index there.
        plain: whether it consists only of text and escapes.
        closing: whether it comes after a sentence.
    """

    facts: Facts
    start: int
    end: int
    weight: Decimal
    level: Level
    place: int
    plain: bool
    closing: bool

    @property
    def name(self) -> str:
        """Canonical name."""
        return self.facts.name

    @property
    def text(self) -> str:
        """As written."""
        return self.facts.text

    @property
    def entry(self) -> Entry | None:
        """Entry of the vocabulary, or None."""
        return self.facts.entry

    @property
    def section(self) -> Section:
        """Section of the prompt."""
        return self.facts.section


@dataclass(frozen=True, slots=True)
class Gap:
    """Adjacent separators other than one comma and one space. ``before`` and ``after`` are the neighboring nodes."""

    start: int
    end: int
    text: str
    before: syntax.Node | None
    after: syntax.Node | None
    kinds: tuple[syntax.SeparatorKind, ...]


@dataclass(frozen=True, slots=True)
class Weighted:
    """A group with its depth, its level, and the tag or sentence that contains it."""

    node: syntax.Group
    depth: int
    level: Level
    place: int
    inside: syntax.TagNode | syntax.SentenceNode | None


class Context:
    """A parsed text with everything that rules look at."""

    def __init__(self, source: str, environment: Environment, settings: Settings, part: Part = "prompt") -> None:
        """Parse ``source`` and sort its nodes."""
        self.source = source
        self.environment = environment
        self.settings = settings
        self.part: Part = part
        self.counterpart: Context | None = None
        self.negative_is_known = False
        self.characters = frozenset(source)
        self.items: list[Item] = []
        self.sentences: list[syntax.SentenceNode] = []
        self.groups: list[Weighted] = []
        self.brackets: list[tuple[syntax.Bracket, Level, int]] = []
        self.loras: list[tuple[syntax.LoraReference, Level, int]] = []
        self.embeddings: list[tuple[syntax.Embedding, Level, int]] = []
        self.keywords: list[tuple[syntax.Keyword, Level, int]] = []
        self.dynamics: list[syntax.Dynamic] = []
        self.quotes: list[syntax.Quote] = []
        self.comments: list[syntax.Comment] = []
        self.malformed: list[syntax.Malformed] = []
        self.datasets: list[syntax.Dataset] = []
        self.gaps: list[Gap] = []
        self.by_name: dict[str, Item] = {}
        self.tree = parse(source, dialect=environment.dialect, known=environment.is_known)
        self.top = Level(self.tree.nodes)
        self._level(self.top, NEUTRAL, 0)

    @property
    def role(self) -> str:
        """Role of this text."""
        return self.environment.role

    @cached_property
    def protected(self) -> Protected:
        """Spans that no fix may touch: quotations, sentences, references, wildcards, comments."""
        nodes: list[syntax.Node] = [*self.sentences, *self.quotes, *self.dynamics, *self.comments]
        nodes += [node for node, _, _ in self.loras]
        nodes += [node for node, _, _ in self.embeddings]
        return Protected((node.start, node.end) for node in nodes)

    @cached_property
    def _quote_starts(self) -> list[int]:
        return [quote.start for quote in self.quotes]

    def is_quoted(self, place: int) -> bool:
        """Return whether an offset is between the marks of a quotation, whose text is drawn unchanged."""
        number = bisect_right(self._quote_starts, place) - 1
        return number >= 0 and self._quote_starts[number] < place < self.quotes[number].end - 1

    @cached_property
    def artists(self) -> list[Item]:
        """Tags with an ``@``, in order."""
        return [item for item in self.items if item.facts.artist]

    @property
    def units(self) -> list[Item | syntax.SentenceNode]:
        """Sentences and tags, sentences first."""
        return [*self.sentences, *self.items]

    @cached_property
    def lowered(self) -> str:
        """The text in lower case, for quick searches."""
        return self.source.lower()

    @cached_property
    def by_canonical(self) -> dict[str, Item]:
        """Tags by canonical name, aliases resolved; the last tag of each name."""
        return {
            facts.name if facts.entry is None else facts.entry.name: item
            for item in self.items
            for facts in (item.facts,)
        }

    @cached_property
    def clashes(self) -> list[Clash]:
        """Exclusive groups of which the text has more than one tag, if no named character explains it.

        Two named characters are two people, regardless of the count tags, and the looks of a character may include both
        tags (two eye colors).
        """
        clashes = self.environment.relations.clashes(self.by_canonical)
        if not clashes:
            return clashes
        looks = [set(item.entry.looks) for item in self.named_characters if item.entry]
        several = len(looks) > 1
        return [
            clash
            for clash in clashes
            if not (several and clash.group.one_person)
            and not any(own.issuperset(clash.conflict.tags) for own in looks)
        ]

    @cached_property
    def people_count(self) -> int:
        """Smallest number of people that the count tags allow, 0 without count tags."""
        return sum(people_of(name) for name in self.by_name if name[:1].isdecimal())

    @cached_property
    def named_characters(self) -> list[Item]:
        """The named characters, each once: ``racing miku`` and ``hatsune miku`` are the same person."""
        named: dict[str, Item] = {}
        for item in self.of(Section.CHARACTER):
            name = item.entry.name if item.entry else item.name
            named.setdefault(name.split("_(")[0], item)
        looks = {
            base
            for item in named.values()
            if item.entry
            for base in self.environment.relations.implies(item.entry.name)
        }
        return [item for item in named.values() if item.entry is None or item.entry.name not in looks]

    def unit_at(self, place: int) -> str:
        """Return the text between the commas around an offset."""
        start = max(self.source.rfind(sign, 0, place) for sign in ",\n") + 1
        ends = [end for end in (self.source.find(sign, place) for sign in ",\n") if end >= 0]
        return self.source[start : min(ends, default=len(self.source))].strip()

    def has(self, section: Section) -> bool:
        """Return whether the text contains a tag of ``section``."""
        return any(item.facts.section is section for item in self.items)

    def of(self, section: Section) -> list[Item]:
        """Return the tags of a section, in order."""
        return [item for item in self.items if item.facts.section is section]

    def in_group(self, *paths: str) -> Iterator[Item]:
        """Yield the tags whose semantic group is one of ``paths`` or below."""
        for item in self.items:
            entry = item.facts.entry
            if entry is not None and entry.group.startswith(paths):
                yield item

    def removal(self, item: Item) -> Edit | None:
        """Return the edit that removes a tag with its comma; None if it touches its neighbors without a separator."""
        return self._removal(item.level, item.place, item.start, item.end)

    def removal_at(self, level: Level, place: int) -> Edit | None:
        """Return the edit that removes any unit with its comma."""
        node = level.nodes[place]
        return self._removal(level, place, node.start, node.end)

    def _removal(self, level: Level, place: int, start: int, end: int) -> Edit | None:
        nodes = level.nodes
        before = nodes[place - 1] if place else None
        after = nodes[place + 1] if place + 1 < len(nodes) else None
        if isinstance(after, syntax.Separator) and after.kind == "comma" and _is_edge(before):
            return Edit(start, after.end, "")
        if isinstance(before, syntax.Separator) and before.kind == "comma" and _is_edge(after):
            return Edit(before.start, end, "")
        if isinstance(before, syntax.Separator | None) and isinstance(after, syntax.Separator | None):
            return Edit(start, end, "")
        alone = isinstance(before, syntax.Mark) and isinstance(after, syntax.Mark)
        if alone and level.owner is not None and level.parent is not None:
            return self._removal(level.parent, level.place, level.owner.start, level.owner.end)
        return None

    def outer(self, item: Item) -> tuple[int, int]:
        """Return the span of a tag with the groups that contain nothing else."""
        level, start, end = item.level, item.start, item.end
        while level.owner is not None and level.parent is not None and len(level.nodes) == 3:
            start, end, level = level.owner.start, level.owner.end, level.parent
        return start, end

    # --- the walk ----------------------------------------------------------------------------------------------------

    def _level(self, level: Level, weight: Decimal, depth: int) -> None:
        nodes = level.nodes
        for place, node in enumerate(nodes):
            kind = type(node)
            if kind is syntax.TagNode:
                self._tag(node, level, place, weight)  # type: ignore[arg-type]
            elif kind is syntax.Separator:
                if not _is_comma_and_space(nodes, place):
                    self._gap(nodes, place)
            elif kind is syntax.Group:
                self._group(node, level, place, weight, depth, None)  # type: ignore[arg-type]
            elif kind is syntax.Bracket:
                self.brackets.append((node, level, place))  # type: ignore[arg-type]
                self._bracket(node, level, place, weight, depth)  # type: ignore[arg-type]
            elif kind is syntax.SentenceNode:
                self.sentences.append(node)  # type: ignore[arg-type]
                self._inside(node, depth)  # type: ignore[arg-type]
            elif kind is syntax.Text or kind is syntax.Mark:
                continue
            else:
                self._leaf(node, level, place)

    def _tag(self, node: syntax.TagNode, level: Level, place: int, weight: Decimal) -> None:
        plain = not node.children or all(type(c) is syntax.Text or type(c) is syntax.Escape for c in node.children)
        touching = _touches_malformed(level.nodes, place)
        item = Item(
            self.environment.facts(node.text),
            node.start,
            node.end,
            weight,
            level,
            place,
            plain and not touching,
            bool(self.sentences),
        )
        self.items.append(item)
        self.by_name.setdefault(item.facts.name, item)
        if not plain:
            self._inside(node, 0)

    def _inside(self, node: syntax.TagNode | syntax.SentenceNode, depth: int) -> None:
        """Record the groups, brackets and references inside a tag or a sentence."""
        for inner in syntax.walk(node.children):
            if isinstance(inner, syntax.Group):
                self.groups.append(Weighted(inner, depth, Level(node.children), 0, node))
            elif isinstance(inner, syntax.Bracket):
                self.brackets.append((inner, Level(node.children), 0))
            elif not isinstance(inner, syntax.TagNode | syntax.SentenceNode):
                self._leaf(inner, Level(node.children), 0)

    def _group(
        self, node: syntax.Group, level: Level, place: int, weight: Decimal, depth: int, inside: syntax.TagNode | None
    ) -> None:
        self.groups.append(Weighted(node, depth, level, place, inside))
        own = UNNUMBERED if node.weight is None else node.weight
        multiplies = node.weight is None or self.environment.dialect.nested_weights_multiply
        inner = weight * own if multiplies and weight != NEUTRAL else own
        self._level(Level(node.children, node, level, place), inner, depth + 1)

    def _bracket(self, node: syntax.Bracket, level: Level, place: int, weight: Decimal, depth: int) -> None:
        if node.kind == "lowered":
            lower = round(weight / UNNUMBERED, 6) if self.environment.dialect.reads_brackets else weight
            self._level(Level(node.children, node, level, place), lower, depth + 1)

    def _leaf(self, node: syntax.Node, level: Level, place: int) -> None:
        if isinstance(node, syntax.Quote):
            self.quotes.append(node)
        elif isinstance(node, syntax.Malformed):
            self.malformed.append(node)
        elif isinstance(node, syntax.LoraReference):
            self.loras.append((node, level, place))
        elif isinstance(node, syntax.Embedding):
            self.embeddings.append((node, level, place))
        elif isinstance(node, syntax.Dynamic):
            self.dynamics.append(node)
        elif isinstance(node, syntax.Keyword):
            self.keywords.append((node, level, place))
        elif isinstance(node, syntax.Comment):
            self.comments.append(node)
        elif isinstance(node, syntax.Dataset):
            self.datasets.append(node)

    def _gap(self, nodes: tuple[syntax.Node, ...], place: int) -> None:
        """Record a run of separators once, at its first separator."""
        if place and type(nodes[place - 1]) is syntax.Separator:
            return
        stop = place
        while stop < len(nodes) and type(nodes[stop]) is syntax.Separator:
            stop += 1
        run = nodes[place:stop]
        start, end = run[0].start, run[-1].end
        kinds = tuple(node.kind for node in run if isinstance(node, syntax.Separator))
        before = nodes[place - 1] if place else None
        after = nodes[stop] if stop < len(nodes) else None
        self.gaps.append(Gap(start, end, self.source[start:end], before, after, kinds))


_PEOPLE = {"1girl": 1, "1boy": 1, "1other": 1}


def people_of(name: str) -> int:
    """Return the number of people of a count tag, 0 for other names.

    >>> people_of("2girls"), people_of("6+boys"), people_of("smile")
    (2, 6, 0)
    """
    if name in _PEOPLE:
        return 1
    if name[:1].isdecimal() and name.endswith(("girls", "boys", "others")):
        return int(name[0])
    return 0


def _is_comma_and_space(nodes: tuple[syntax.Node, ...], place: int) -> bool:
    """Return whether a separator is one comma and one space between two units."""
    node = nodes[place]
    if node.text != ", " or not 0 < place < len(nodes) - 1:  # type: ignore[union-attr]
        return False
    return type(nodes[place - 1]) is not syntax.Separator and type(nodes[place + 1]) is not syntax.Separator


def _is_edge(node: syntax.Node | None) -> bool:
    """Return whether a unit may end here: at a separator, at a bracket's mark, or at either end of the text."""
    return node is None or isinstance(node, syntax.Separator | syntax.Mark)


def _touches_malformed(nodes: tuple[syntax.Node, ...], place: int) -> bool:
    if place and type(nodes[place - 1]) is syntax.Malformed:
        return True
    return place + 1 < len(nodes) and type(nodes[place + 1]) is syntax.Malformed
