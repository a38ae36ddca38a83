"""Edits of one caption: by rules, and by instruction. Each keeps everything that it is not about, byte for byte.

An operation takes the parsed caption and returns text edits; the caption is parsed again before the next one.
Sentences and position clauses are never torn: tags are dropped inside a clause, and a clause goes when nothing is
left in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from anima_prompt.captions.clauses import read_clause, without_tags
from anima_prompt.captions.select import SECTIONS, tag_test
from anima_prompt.diagnostics import Edit
from anima_prompt.errors import InputError
from anima_prompt.lint.config import Config
from anima_prompt.lint.context import Context, Item
from anima_prompt.lint.document import Document, Role, Settings
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.fixing import apply_edits
from anima_prompt.lint.linter import Linter
from anima_prompt.lint.order import in_order
from anima_prompt.names import name_to_text, text_to_name
from anima_prompt.sections import TAG_SECTIONS, Section
from anima_prompt.syntax import nodes as syntax

_MOST_ROUNDS = 8
_EDGES = re.compile(r"^[\s,.]+(?=\S)")

TagTest = Callable[[Facts], bool]


class Operation(Protocol):
    """One edit, the same for all captions."""

    def __call__(self, text: str, editor: Editor) -> str:
        """Return the new caption."""
        ...


class Editor:
    """The tools of operations: a parser with the facts about tags, and linters for single rules."""

    def __init__(self, linter: Linter, document: Document) -> None:
        """Edit captions like ``document``: its dialect and profile."""
        self.linter = linter
        self.document = document
        self.environment: Environment = linter.environment(Role.CAPTION, document.dialect, document.profile)
        self._linters: dict[tuple[str, ...], Linter] = {}
        self.tests: dict[object, TagTest] = {}

    def parse(self, text: str) -> Context:
        """Return a parsed caption."""
        return Context(text, self.environment, Settings())

    def _piece(self, piece: str, operation: Operation) -> str:
        """Edit what stands on one side of a ``|||``: what sd-scripts keeps in front stays in front."""
        bare = piece.strip()
        start = piece.find(bare)
        return f"{piece[:start]}{operation(bare, self)}{piece[start + len(bare) :]}" if bare else piece

    def with_rules(self, codes: tuple[str, ...]) -> Linter:
        """Return a linter of some rules alone."""
        if codes not in self._linters:
            self._linters[codes] = Linter(
                Config(select=codes), vocabulary=self.linter.vocabulary, rules=self.linter.rules
            )
        return self._linters[codes]

    def run(self, text: str, operations: Iterable[Operation]) -> str:
        """Return a caption after operations, in their order."""
        for operation in operations:
            if "|||" in text and not isinstance(operation, Add | SplitSentences | JoinSentences):
                text = "|||".join(self._piece(piece, operation) for piece in text.split("|||"))
            elif text.strip():
                text = operation(text, self)
        return text


@dataclass(frozen=True, slots=True)
class FixRules:
    """Apply the fixes of the linter: those of the configuration, or of some rules alone.

    Attributes:
        codes: the rules; empty for all that run on captions.
        unsafe: also fixes that change what the caption says.
        role: rules for prompts alone need another role.
    """

    codes: tuple[str, ...] = ()
    unsafe: bool = False
    role: Role = Role.CAPTION

    def __call__(self, text: str, editor: Editor) -> str:
        """Return the fixed caption."""
        linter = editor.with_rules(self.codes) if self.codes else editor.linter
        document = Document(text, None, self.role, editor.document.dialect, editor.document.profile)
        return linter.fix(document, unsafe=self.unsafe).prompt


ARTIST_SIGNS = FixRules(("ANI501", "ANI502", "ANI503", "ANI504", "ANI507", "ANI508"), unsafe=True)
"""``@`` before known artists, and their spelling."""
SAFETY_WORDS = FixRules(("ANI412",), unsafe=True, role=Role.POSITIVE)
"""``rating:general`` becomes ``safe``."""
UNDERSCORES = FixRules(("ANI202", "ANI503"))
ALIASES = FixRules(("ANI602",), unsafe=True)


@dataclass(frozen=True, slots=True)
class CaptionOrder:
    """Sort tags into Anima's order; sentences and clauses stay where they are."""

    def __call__(self, text: str, editor: Editor) -> str:
        """Return the sorted caption; unchanged where markup forbids it."""
        edits = in_order(editor.parse(text))
        return text if not edits or None in edits else apply_edits(text, [edit for edit in edits if edit is not None])


@dataclass(frozen=True, slots=True)
class Selector:
    """A pattern of tags: ``artist``, ``group:light``, ``tag:*_hair``, ``smile``."""

    field: str
    value: str

    @classmethod
    def of(cls, text: str) -> Selector:
        """Return the selector of a text.

        Raises:
            InputError: the field is unknown, or the text is empty.

        >>> Selector.of("artist"), Selector.of("long hair")
        (Selector(field='artist', value='*'), Selector(field='tag', value='long hair'))
        """
        field, sign, value = text.strip().partition(":")
        if not text.strip():
            raise InputError("a selector is empty; write artist, group:light, tag:*_hair or the name of a tag")
        if not sign or not field.isalpha():
            return cls(text.strip(), "*") if text.strip() in SECTIONS else cls("tag", text.strip())
        if field not in (*SECTIONS, "tag", "group", "known"):
            if (len(value) <= 1 and value != "*") or text_to_name(text)[:1] in ":;":  # faces such as x:3
                return cls("tag", text.strip())
            allowed = ", ".join(("tag", "group", "known", *SECTIONS))
            raise InputError(f"selector '{text}': field '{field}' is unknown; expected one of {allowed}")
        return cls(field, value.strip().strip('"') or "*")

    def test(self, editor: Editor) -> TagTest:
        """Return the test of a tag."""
        if self not in editor.tests:
            editor.tests[self] = tag_test(self.field, self.value, editor.environment.vocabulary)
        return editor.tests[self]


@dataclass(frozen=True, slots=True)
class Drop:
    """Remove the tags that fit a selector and none of ``but``; with ``others`` those that fit none: keep.

    Only tags are removed, never sentences; the tags of a position clause count.
    """

    selectors: tuple[Selector, ...]
    but: tuple[Selector, ...] = ()
    others: bool = False

    def __call__(self, text: str, editor: Editor) -> str:
        """Return the caption without them."""
        tests = [selector.test(editor) for selector in self.selectors]
        excepted = [selector.test(editor) for selector in self.but]

        def goes(facts: Facts) -> bool:
            fits = any(test(facts) for test in tests) is not self.others
            return fits and not any(test(facts) for test in excepted)

        return removed(text, editor, lambda item, _context: goes(item.facts), goes)


def removed(text: str, editor: Editor, goes: Callable[[Item, Context], bool], in_clause: TagTest | None = None) -> str:
    """Return a caption without the tags for which ``goes`` is true; edits that meet are made in rounds."""
    before = text
    for _ in range(_MOST_ROUNDS):
        context = editor.parse(text)
        edits = [edit for item in context.items if goes(item, context) and (edit := context.removal(item)) is not None]
        if in_clause is not None:
            edits += _clause_edits(context, editor, in_clause)
        chosen = list(_apart(edits))
        if not chosen:
            break
        text = apply_edits(text, chosen)
    return text if text == before or _EDGES.match(before) else _EDGES.sub("", text)


def _apart(edits: Iterable[Edit]) -> Iterator[Edit]:
    """Yield the edits that overlap none before them."""
    end = -1
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if edit.start >= end:
            yield edit
            end = edit.end


def _clause_edits(context: Context, editor: Editor, goes: TagTest) -> Iterator[Edit]:
    for sentence in context.sentences:
        text = context.source[sentence.start : sentence.end]
        clause = read_clause(text)
        if clause is None:
            continue
        places = {place for place, (a, b) in enumerate(clause.tags) if goes(editor.environment.facts(text[a:b]))}
        if places:
            new = without_tags(text, clause, places)
            start = sentence.start
            while not new and start and context.source[start - 1] in " \n":
                start -= 1
            yield Edit(start, sentence.end, new)


@dataclass(frozen=True, slots=True)
class Replace:
    """Write another text in the place of the tags that fit a selector, in clauses too."""

    selector: Selector
    new: str

    def __call__(self, text: str, editor: Editor) -> str:
        """Return the caption with the replacement."""
        fits = self.selector.test(editor)
        context = editor.parse(text)
        edits = [Edit(item.start, item.end, self.new) for item in context.items if fits(item.facts) and item.plain]
        for sentence in context.sentences:
            inner = context.source[sentence.start : sentence.end]
            clause = read_clause(inner)
            for start, end in clause.tags if clause is not None else ():
                if fits(editor.environment.facts(inner[start:end])):
                    edits.append(Edit(sentence.start + start, sentence.start + end, self.new))
        return apply_edits(text, edits)


PLACES = ("start", "end", *(f"{side}:{section.value}" for side in ("after", "before") for section in TAG_SECTIONS))
"""Places for new tags."""


def check_place(place: str) -> str:
    """Return the place.

    Raises:
        InputError: there is no such place.
    """
    if place not in PLACES:
        raise InputError(
            f"--at is '{place}'; expected start, end, after:SECTION or before:SECTION, such as after:count"
        )
    return place


@dataclass(frozen=True, slots=True)
class Add:
    """Add a tag that the caption does not have.

    Attributes:
        new: the tag as it is written.
        at: see :data:`PLACES`. ``end`` is the end of the tags, before sentences.
        move: whether a tag that is there already moves to the place, and gets the spelling of ``new``.
    """

    new: str
    at: str = "end"
    move: bool = False

    def __call__(self, text: str, editor: Editor) -> str:
        """Return the caption with the tag."""
        key = _joined(self.new)
        context = editor.parse(text)
        same = [item for item in context.items if _joined(item.text) == key]
        if same and not self.move:
            return text
        if not same and not context.items and self.new.lower() in text.lower():
            return text  # prose that has it
        if len(same) == 1 and same[0].text == self.new and self._is_there(context, same[0]):
            return text
        rest = removed(text, editor, lambda item, _context: _joined(item.text) == key) if same else text
        if not rest.strip(" ,.\n"):
            return self.new + rest[len(rest.rstrip()) :]
        return self._inserted(rest, editor.parse(rest))

    def _is_there(self, context: Context, item: Item) -> bool:
        items = _leading(context)
        if item not in items:
            return False
        others = [other for other in items if other is not item]
        return items.index(item) == _index(others, self.at)

    def _inserted(self, text: str, context: Context) -> str:
        items = _leading(context)
        place = _index(items, self.at)
        if not items:
            start = context.datasets[-1].end if context.datasets else 0
            start += len(text[start:]) - len(text[start:].lstrip())
            return f"{text[:start]}{self.new}. {text[start:]}" if text[start:].strip() else f"{text}{self.new}"
        if place == 0:
            start = _outer(items[0])[0]
            return f"{text[:start]}{self.new}, {text[start:]}"
        end = _outer(items[place - 1])[1]
        return f"{text[:end]}, {self.new}{text[end:]}"


def _outer(item: Item) -> tuple[int, int]:
    """Return the span of the outermost group round a tag."""
    level, start, end = item.level, item.start, item.end
    while level.owner is not None and level.parent is not None:
        start, end, level = level.owner.start, level.owner.end, level.parent
    return start, end


def _leading(context: Context) -> list[Item]:
    """Return the tags before the first sentence."""
    return [item for item in context.items if not item.closing]


def _index(items: Sequence[Item], at: str) -> int:
    """Return the index of a place among tags; a section that is missing is where Anima's order has it."""
    if at in ("start", "end"):
        return 0 if at == "start" else len(items)
    side, _, name = at.partition(":")
    section = Section(name)
    own = [place for place, item in enumerate(items) if item.section is section]
    if own:
        return own[0] if side == "before" else own[-1] + 1
    order = list(TAG_SECTIONS)
    earlier = set(order[: order.index(section)])
    return max((place + 1 for place, item in enumerate(items) if item.section in earlier), default=0)


def _joined(text: str) -> str:
    return text_to_name(text).replace("_", "").replace("-", "")


@dataclass(frozen=True, slots=True)
class DropImplied:
    """Remove the tags that another tag implies: ``long hair`` next to ``very long hair``."""

    def __call__(self, text: str, editor: Editor) -> str:
        """Return the caption without them."""
        names = {_name(item.facts) for item in editor.parse(text).items}
        relations = editor.environment.relations
        implied = {name for own in names for name in relations.implies(own)} & names
        if not implied:
            return text
        return removed(text, editor, lambda item, _context: _name(item.facts) in implied)


@dataclass(frozen=True, slots=True)
class DropOverlaps:
    """Remove known general tags whose words end another known tag: ``dress`` next to ``white dress``."""

    def __call__(self, text: str, editor: Editor) -> str:
        """Return the caption without them."""
        known = {_name(item.facts) for item in editor.parse(text).items if _is_general(item.facts)}
        short = {name for name in known if any(other.endswith(f"_{name}") for other in known)}
        if not short:
            return text
        return removed(text, editor, lambda item, _context: _is_general(item.facts) and _name(item.facts) in short)


def _is_general(facts: Facts) -> bool:
    return facts.entry is not None and facts.section is Section.GENERAL and not facts.artist


def _name(facts: Facts) -> str:
    return facts.name if facts.entry is None else facts.entry.name


@dataclass(frozen=True, slots=True)
class SplitSentences:
    """Put the sentences of a caption on a line of their own, after the tags."""

    def __call__(self, text: str, editor: Editor) -> str:
        """Return the caption in two lines."""
        nodes = editor.parse(text).tree.nodes
        edits = [
            Edit(node.start, node.end, "\n")
            for before, node, after in zip(nodes, nodes[1:], nodes[2:], strict=False)
            if isinstance(node, syntax.Separator)
            and node.kind != "newline"
            and isinstance(before, syntax.SentenceNode) is not isinstance(after, syntax.SentenceNode)
            and read_clause(_text(text, before)) is None
            and read_clause(_text(text, after)) is None
        ]
        return apply_edits(text, edits)


@dataclass(frozen=True, slots=True)
class JoinSentences:
    """Put all lines of a caption into one: tags, a full stop, sentences. A line such as ye-pop stays."""

    def __call__(self, text: str, editor: Editor) -> str:
        """Return the caption in one line."""
        nodes = editor.parse(text).tree.nodes
        edits = []
        for before, node, after in zip(nodes, nodes[1:], nodes[2:], strict=False):
            if not isinstance(node, syntax.Separator) or "\n" not in node.text or isinstance(before, syntax.Dataset):
                continue
            if isinstance(before, syntax.Comment) or isinstance(after, syntax.Comment):
                continue
            is_prose = isinstance(after, syntax.SentenceNode)
            between = " " if isinstance(before, syntax.SentenceNode) else ". " if is_prose else ", "
            edits.append(Edit(node.start, node.end, between))
        return apply_edits(text, edits)


def _text(text: str, node: syntax.Node) -> str:
    return text[node.start : node.end]


def known_name(text: str, environment: Environment) -> str | None:
    """Return how the captions write a tag that the vocabulary knows, or None."""
    entry = environment.vocabulary.lookup(text_to_name(text.removeprefix("@")))
    return None if entry is None else name_to_text(entry.name)
