"""The query language of captions: ``tag:smile AND NOT artist:* AND t5>300 AND line>1``.

::

    query  = and { "OR" and }
    and    = not { ["AND"] not }              words side by side are joined by AND
    not    = ["NOT"] ( "(" query ")" | term )
    term   = FIELD ":" VALUE                  tag:smile  artist:*  group:hair  text:"a girl"  file:*_nl.txt  is:empty
           | FIELD OP NUMBER                  t5>300  tags<=5  line>1        OP is one of > >= < <= = !=
           | VALUE                            smile, the same as tag:smile
    VALUE  = word | "words in quotes"         * is any text, ? one character

Operators are in capitals. Tags are compared by name: ``long_hair``, ``long hair`` and an alias of it are the same.

>>> parse_query("smile NOT artist:*")
And(parts=(FieldMatch(field='tag', value='smile'), Not(part=FieldMatch(field='artist', value='*'))))
"""

from __future__ import annotations

import fnmatch
import operator
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeAlias

from anima_prompt.captions.analysis import Analysis
from anima_prompt.captions.sets import Caption
from anima_prompt.errors import InputError
from anima_prompt.lint.environment import Facts
from anima_prompt.names import text_to_name
from anima_prompt.sections import Section

if TYPE_CHECKING:
    from anima_prompt.tokens import Tokenizers
    from anima_prompt.vocabulary import Vocabulary

SECTIONS = {section.value: section for section in Section if section is not Section.TEXT} | {
    "copyright": Section.SERIES
}
TEXTS = ("text", "file", "image", "folder")
STATES = ("empty", "prose", "duplicate", "unpaired")
NUMBERS = ("t5", "qwen", "tags", "sentences", "chars", "lines", "line", "index")
FIELDS = ("tag", *SECTIONS, "group", "known", *TEXTS, "is", *NUMBERS)
"""All fields: those of tags, of texts and paths, of states, and of numbers."""

_SIGNS: dict[str, Callable[[int, int], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}
_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<compare>(?P<number>[a-z][a-z0-9_]*)\s*(?P<sign>>=|<=|!=|==|[<>=])\s*
    (?P<value>[^\s()]*))|(?P<field>[a-z][a-z0-9_]*):(?:"(?P<quoted>[^"]*)"|(?P<word>[^\s()"]*(?:\\?\([^()\s]*\))?))
    |"(?P<bare_quoted>[^"]*)"|(?P<bare>[^\s()"]+))""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FieldMatch:
    """A field that fits a pattern."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Compare:
    """A number that is compared."""

    field: str
    sign: str
    number: int


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Node


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of them."""

    parts: tuple[Node, ...]


Node: TypeAlias = "FieldMatch | Compare | Not | And | Or"
Test: TypeAlias = Callable[[int], bool]


def parse_query(text: str) -> Node:
    """Return the tree of a query.

    Raises:
        InputError: the query is malformed; the message points at the place.
    """
    return _QueryParser(text).parse()


def select(
    query: str | Node, captions: Sequence[Caption], analysis: Analysis, *, tokenizers: Tokenizers | None = None
) -> list[int]:
    """Return the indexes of the captions that fit a query.

    Raises:
        InputError: the query is malformed, or counts tokens and there are no tokenizers.
    """
    node = parse_query(query) if isinstance(query, str) else query
    test = _Tests(captions, analysis, tokenizers).test(node)
    return [index for index in range(len(captions)) if test(index)]


def needs_tokens(node: Node) -> bool:
    """Return whether a query counts tokens."""
    if isinstance(node, And | Or):
        return any(map(needs_tokens, node.parts))
    if isinstance(node, Not):
        return needs_tokens(node.part)
    return isinstance(node, Compare) and node.field in ("t5", "qwen")


class _QueryParser:
    """Recursive descent; its state is the place in the tokens."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[re.Match[str]] = []
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                raise self._error(place, "a quotation mark is not closed" if '"' in text[place:] else "is malformed")
            self.tokens.append(match)
            place = match.end()
        self.place = 0

    def parse(self) -> Node:
        if not self.tokens:
            raise InputError("the query is empty; write one such as 'tag:smile AND t5>300'")
        node = self._or()
        if self.place < len(self.tokens):
            raise self._error(self._start(), "')' has no '('")
        return node

    def _or(self) -> Node:
        parts = [self._and()]
        while self._word() == "OR":
            self.place += 1
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Node:
        parts = [self._not()]
        while self.place < len(self.tokens) and self._word() != "OR" and not self.tokens[self.place]["close"]:
            if self._word() == "AND":
                self.place += 1
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self) -> Node:
        if self.place >= len(self.tokens):
            raise self._error(len(self.text), "a condition is missing at the end")
        token = self.tokens[self.place]
        if self._word() == "NOT":
            self.place += 1
            return Not(self._not())
        if token["open"]:
            self.place += 1
            node = self._or()
            if self.place >= len(self.tokens) or not self.tokens[self.place]["close"]:
                raise self._error(token.start("open"), "'(' is not closed")
            self.place += 1
            return node
        if token["close"] or self._word() in ("AND", "OR"):
            raise self._error(self._start(), "a condition is missing before it")
        self.place += 1
        return self._term(token)

    def _term(self, token: re.Match[str]) -> Node:
        if token["compare"]:
            name = self._field(token, "number")
            if name not in NUMBERS:
                raise self._error(token.start("sign"), f"'{name}' is not a number; write {name}:value")
            if not re.fullmatch(r"\d{1,9}", token["value"]):
                raise self._error(token.start("value"), f"expected a whole number after {name}{token['sign']}")
            return Compare(name, token["sign"], int(token["value"]))
        if token["field"]:
            name = self._field(token, "field")
            value = token["quoted"] if token["quoted"] is not None else token["word"]
            return self._match(token, name, value)
        value = token["bare_quoted"] if token["bare_quoted"] is not None else token["bare"]
        return FieldMatch("tag", value)

    def _match(self, token: re.Match[str], name: str, value: str) -> Node:
        if name in NUMBERS:
            if re.fullmatch(r"\d{1,9}", value):
                return Compare(name, "=", int(value))
            raise self._error(token.start("field"), f"'{name}' is a number; write {name}>300")
        if not value:
            raise self._error(token.end(), f"a value is missing after {name}:; write {name}:* for any")
        if name == "is" and value not in STATES:
            raise self._error(token.start("field"), f"'{value}' is not a state; expected one of {', '.join(STATES)}")
        return FieldMatch(name, value)

    def _field(self, token: re.Match[str], group: str) -> str:
        name = token[group].lower()
        if name not in FIELDS:
            near = [f for f in FIELDS if f.startswith(name)] or get_close_matches(name, FIELDS, n=1, cutoff=0.6)
            hint = f"did you mean {' or '.join(dict.fromkeys(near[:3]))}?" if near else f"fields: {', '.join(FIELDS)}"
            quote = "" if near else "; put a tag with a colon in quotes"
            raise self._error(token.start(group), f"field '{name}' is unknown; {hint}{quote}")
        return name

    def _word(self) -> str:
        if self.place >= len(self.tokens):
            return ""
        return self.tokens[self.place]["bare"] or ""

    def _start(self) -> int:
        token = self.tokens[self.place]
        return token.end() - len(token[0].lstrip())

    def _error(self, place: int, message: str) -> InputError:
        return InputError(f"query, character {place + 1}: {message}; in: {self.text.strip()}")


class _Tests:
    """Turns a query into a test of one caption's index."""

    def __init__(self, captions: Sequence[Caption], analysis: Analysis, tokenizers: Tokenizers | None) -> None:
        self.captions, self.analysis, self.tokenizers = captions, analysis, tokenizers
        self._counts: dict[int, tuple[int, int]] = {}

    def test(self, node: Node) -> Test:
        if isinstance(node, And):
            parts = sorted(node.parts, key=needs_tokens)  # what is costly comes last
            tests = [self.test(part) for part in parts]
            return lambda index: all(test(index) for test in tests)
        if isinstance(node, Or):
            tests = [self.test(part) for part in node.parts]
            return lambda index: any(test(index) for test in tests)
        if isinstance(node, Not):
            inner = self.test(node.part)
            return lambda index: not inner(index)
        return self._compare(node) if isinstance(node, Compare) else self._match(node)

    def _compare(self, node: Compare) -> Test:
        compare, number = _SIGNS[node.sign], node.number
        if node.field == "line":
            return self._line(compare, number)
        value = self._number(node.field)
        return lambda index: compare(value(index), number)

    def _line(self, compare: Callable[[int, int], bool], number: int) -> Test:
        def test(index: int) -> bool:
            caption = self.captions[index]
            last = caption.line + caption.text.count("\n")
            return any(compare(line, number) for line in range(caption.line, last + 1))

        return test

    def _number(self, field: str) -> Callable[[int], int]:
        analysis, captions = self.analysis, self.captions
        if field in ("t5", "qwen"):
            if self.tokenizers is None:
                raise InputError(f"'{field}' counts tokens; name the tokenizers with --tokenizers or ANIMA_MODELS")
            place = 1 if field == "t5" else 0
            return lambda index: self._tokens(index)[place]
        numbers: dict[str, Callable[[int], int]] = {
            "tags": lambda index: len(analysis.tags[index]),
            "sentences": lambda index: len(analysis.sentences[index]) // 2,
            "chars": lambda index: len(captions[index].text),
            "lines": lambda index: captions[index].text.count("\n") + 1,
            "index": lambda index: captions[index].index,
        }
        return numbers[field]

    def _tokens(self, index: int) -> tuple[int, int]:
        if index not in self._counts and self.tokenizers is not None:
            self._counts[index] = self.tokenizers.count(self.captions[index].text)
        return self._counts[index]

    def _match(self, node: FieldMatch) -> Test:
        if node.field == "is":
            return self._state(node.value)
        if node.field in TEXTS:
            return self._text(node.field, node.value)
        fits = tag_test(node.field, node.value, self.analysis.environment.vocabulary)
        ids = frozenset(number for number, facts in enumerate(self.analysis.table) if fits(facts))
        tags = self.analysis.tags
        return lambda index: not ids.isdisjoint(tags[index])

    def _state(self, value: str) -> Test:
        captions, analysis = self.captions, self.analysis
        if value == "duplicate":
            counts = Counter(caption.text for caption in captions)
            return lambda index: counts[captions[index].text] > 1
        tests: dict[str, Test] = {
            "empty": lambda index: not captions[index].text.strip(),
            "prose": lambda index: bool(len(analysis.sentences[index])) and not len(analysis.tags[index]),
            "unpaired": lambda index: captions[index].image is None,
        }
        return tests[value]

    def _text(self, field: str, value: str) -> Test:
        if field == "text" and not any(sign in value for sign in "*?"):
            lowered = value.lower()
            return lambda index: lowered in self.captions[index].text.lower()
        pattern = re.compile(fnmatch.translate(value.lower().replace(os.sep, "/").replace("[", "[[]")))

        def of(caption: Caption) -> str:
            path = caption.source if field in ("file", "folder") else caption.image or ""
            if field == "text":
                return caption.text.lower()
            path = path.lower().replace(os.sep, "/")
            folder, _, name = path.rpartition("/")
            if field == "folder":
                return folder if "/" in value else folder.rpartition("/")[2]
            return path if "/" in value else name

        return lambda index: pattern.match(of(self.captions[index])) is not None


def tag_test(field: str, value: str, vocabulary: Vocabulary) -> Callable[[Facts], bool]:
    """Return the test of a tag: ``tag:smile``, ``artist:*``, ``group:hair``, ``known:no``."""
    if field == "group":
        pattern = _pattern(value.strip("/").lower())
        return lambda facts: facts.entry is not None and _in_group(facts.entry.group, pattern)
    if field == "known":
        wanted = value.lower() in ("yes", "true", "1", "*")
        return lambda facts: (facts.entry is not None) is wanted
    name = text_to_name(value.removeprefix("@")) if value != "@" else value
    if not any(sign in name for sign in "*?"):
        entry = vocabulary.lookup(name)
        name = name if entry is None else entry.name
    pattern = _pattern(name)
    section = SECTIONS.get(field)

    def test(facts: Facts) -> bool:
        if section is not None and facts.section is not section:
            return False
        own = facts.name if facts.entry is None else facts.entry.name
        return pattern.match(own) is not None or pattern.match(facts.name) is not None

    return test


def _in_group(group: str, pattern: re.Pattern[str]) -> bool:
    parts = group.split("/")
    return any(pattern.match("/".join(parts[:n])) for n in range(1, len(parts) + 1)) if group else False


def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(glob.replace("[", "[[]")))
