"""Text to lossless tree.

One pass over each level: separators, whole pieces, then either a sentence or a tag. Malformed input becomes a node
and a diagnostic, never an exception and never a repair. Linear in the text; depth is bounded by the scanner.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import NamedTuple

from anima_prompt.diagnostics import Diagnostic, Severity
from anima_prompt.dialects import Dialect
from anima_prompt.syntax.grammar import FUNCTION_WORDS, PREPOSITIONS
from anima_prompt.syntax.nodes import (
    Bracket,
    BracketKind,
    Comment,
    Dataset,
    Dynamic,
    DynamicKind,
    Embedding,
    Escape,
    Group,
    Keyword,
    LoraReference,
    Malformed,
    Mark,
    Node,
    Quote,
    SentenceNode,
    Separator,
    SeparatorKind,
    TagNode,
    Text,
    Tree,
)
from anima_prompt.syntax.prose import LONGEST_NAME, Known, ProseReader
from anima_prompt.syntax.scanner import MAX_DEPTH, Scan, scan
from anima_prompt.syntax.stops import closes, is_abbreviation

DATASET_TAGS = ("ye-pop", "deviantart")
"""The two dataset tags of the model card; part of the grammar, because their position (line 1) makes them markup."""

_DATASET_LINE = re.compile(r"(?:ye-pop|deviantart)(?=[^\S\n]*(?:\n|$))")
_SEPARATOR = re.compile(r"\s*[,，、]\s*|\s+")
_PLAIN_UNIT = re.compile(r"[^,，、\n\r.。()\[\]{}<>\"“「\\/#$!?…]{1,400}")
_STOP = re.compile(r"[.。](?:\s+|$)")
_PLAIN_RUN = re.compile(r"[^\s,，、()\[\]{}<\"“「\\_.。$]+")
_KEYWORD = re.compile(r"(?:BREAK|AND|COUPLE|ADDCOMM|ADDROW|ADDCOL|ADDBASE)(?![\w'-])")
_COMMA_UNIT = re.compile(rf"[^,，、\n\r]{{1,{LONGEST_NAME}}}(?=[,，、\n\r]|$)")
_LINE_BREAK = re.compile(r"\s*\n\s*")
_GAP = re.compile(r"\s+")
_LONGEST_NUMBER = 40
_COMMA_NUMBER = re.compile(r"\s*[-+]?\d+\s*[,;．，]\s*\d*\s*")
_DOT_NUMBER = re.compile(r"\s*[\d.]+\s*")
_STEP = re.compile(r"\s*\d*\.?\d+\s*")
_EMBED = re.compile(r"<embed(?:ding)?:([^:<>\[\]]+)(?::[^<>]*)?>")
_LORA = re.compile(r"<\w+:([^:<>]*):?([^<>]*)>")
_WORD_BEHIND = re.compile(r" [a-z]")


def parse(text: str, *, dialect: str | Dialect = Dialect.COMFYUI, known: Known | None = None) -> Tree:
    """Parse any text into a tree whose leaves, joined, are the text again.

    Args:
        dialect: whose escapes to read; ``plain`` has no groups, brackets, references or wildcards.
        known: says whether a clause is the text of a known tag, so that names which look like sentences
            (``the legend of zelda: breath of the wild``) stay tags. Without it, only grammar decides.

    Raises:
        DialectError: unknown dialect.

    >>> [type(n).__name__ for n in parse("safe. A girl smiles. from above").nodes]
    ['TagNode', 'Separator', 'SentenceNode', 'Separator', 'TagNode']
    """
    reader = Dialect.of(dialect)
    return _Parser(text, scan(text, reader), known).tree()


class _Opening(NamedTuple):
    """How a unit begins.

    Attributes:
        fresh: it opens the text, a line or a group, or follows a sentence or full stop.
        follows: a sentence comes directly before it.
        listed: it opens a line, and a comma ends the line before.
    """

    fresh: bool
    follows: bool = False
    listed: bool = False


class _Parser:
    """The state of one parse: the text, its pieces, and the diagnostics so far."""

    def __init__(self, text: str, pieces: Scan, known: Known | None) -> None:
        self.text = text
        self.pieces = pieces
        self.special = bool(pieces.spans or pieces.stray)
        self.known = known
        self.readers: dict[int, ProseReader] = {}
        self.diagnostics: list[Diagnostic] = []

    def tree(self) -> Tree:
        nodes: list[Node] = []
        position = 0
        match = _DATASET_LINE.match(self.text)
        if match:
            position = match.end()
            nodes.append(Dataset(0, position, match.group()))
            position = self.title(nodes, position)
        self.level(nodes, position, len(self.text))
        return Tree(self.text, tuple(nodes), tuple(sorted(self.diagnostics, key=lambda d: (d.start, d.end))))

    def title(self, nodes: list[Node], start: int) -> int:
        """Read the optional second line of a dataset prompt, a title or an alt text, as prose."""
        match = _LINE_BREAK.match(self.text, start)
        if match is None:
            return start
        nodes.append(Separator(start, match.end(), match.group(), "newline"))
        line = self.text[match.end() :].partition("\n")[0].rstrip()
        if not line or "," in line or ". " in line or line in DATASET_TAGS or self.is_known(line):
            return match.end()
        end = match.end() + len(line)
        if self.pieces.starts_in(match.end(), end):
            return match.end()
        nodes.append(SentenceNode(match.end(), end, line))
        return end

    def is_known(self, clause: str) -> bool:
        return self.known is not None and len(clause) <= LONGEST_NAME and self.known(clause)

    def level(self, nodes: list[Node], position: int, end: int) -> None:
        """Append the nodes of ``text[position:end]``."""
        text = self.text
        separator, plain = _SEPARATOR.match, _PLAIN_UNIT.match
        while position < end:
            match = separator(text, position, end)
            if match:
                gap = match.group()
                nodes.append(Separator(position, match.end(), gap, _separator_kind(gap)))
                position = match.end()
                continue
            match = plain(text, position, end)
            if match:
                body = match.group().rstrip()
                stop = position + len(body)
                after = text[match.end()] if match.end() < end else ","
                if after in ",，、\n\r" and self.is_plain(body):
                    nodes.append(TagNode(position, stop, body))
                    position = stop
                    continue
            position = self.unit(nodes, position, end)

    def is_plain(self, body: str) -> bool:
        """Return whether a body without special characters is a tag at first sight."""
        if "__" in body or not body.islower():
            return body.isdecimal()
        if ":" in body and (body[-1] == ":" or ": " in body or "embedding:" in body):
            return False
        words = body.split()
        if len(words) < 4:
            return words[0] not in PREPOSITIONS
        return FUNCTION_WORDS.isdisjoint(words)

    def unit(self, nodes: list[Node], start: int, end: int) -> int:
        """Append one unit that needs a closer look, and return where it ends."""
        known_end = self.known_unit(start, end)
        if known_end is None or self.text[start].isupper():
            stop = self.sentence_end(nodes, start, end, named=known_end is not None)
            if stop is not None and not self.is_known(self.text[start:stop]):
                children = self.inline(start, stop) if self.pieces.starts_in(start, stop) else ()
                nodes.append(SentenceNode(start, stop, self.text[start:stop], children))
                return stop
        return self.tag(nodes, start, end, known_end)

    def sentence_end(self, nodes: list[Node], start: int, end: int, *, named: bool) -> int | None:
        """Return the end of the sentence that starts after ``nodes``, if any."""
        opening = _opening(nodes)
        alone = self.stands_alone(start, end)
        if not opening.fresh and (alone or named):
            return None
        reader = self.readers.get(end)
        if reader is None:
            reader = self.readers[end] = ProseReader(self.text, end, self.pieces.spans, self.known)
        stop = reader.sentence_end(start, fresh=opening.fresh, follows=opening.follows, alone=alone, named=named)
        if stop is not None and opening.listed and self.is_known(self.text[start : stop - 1]):
            return None
        return stop

    def known_unit(self, start: int, end: int) -> int | None:
        """Return the end of the comma unit at ``start`` if it is a known name, including its full stops."""
        if self.known is None:
            return None
        match = _COMMA_UNIT.match(self.text, start, end)
        if match is None:
            return None
        body = match.group().rstrip()
        return start + len(body) if self.known(body) else None

    def is_piece(self, position: int, end: int) -> bool:
        """Return whether a piece starts here and stays inside the level: a weight's colon may cut an atom in two."""
        return self.pieces.spans.get(position, end + 1) <= end or position in self.pieces.stray

    def stands_alone(self, start: int, end: int) -> bool:
        """Return whether the piece at ``start``, if any, is a whole unit, so that no sentence starts with it."""
        if start not in self.pieces.spans:
            return _KEYWORD.match(self.text, start, end) is not None
        stop = self.pieces.spans[start]
        kind = self.pieces.atoms[start][1] if start in self.pieces.atoms else "pair"
        if kind == "quote":
            return False
        if kind not in ("pair", "wildcard", "directive"):
            return True
        return stop >= end or _WORD_BEHIND.match(self.text, stop, end) is None

    def tag(self, nodes: list[Node], start: int, end: int, known_end: int | None) -> int:
        """Append the nodes of a unit: a tag, or separate pieces; return the end of the unit."""
        parts: list[Node] = []
        position = start
        while position < end:
            position, part, closed = self.part(position, end, known_end)
            if part is not None:
                parts.append(part)
            if closed or isinstance(part, LoraReference | Embedding | Keyword):
                break
        self.flush(nodes, parts)
        match = _STOP.match(self.text, position, end)
        if match:
            nodes.append(Separator(position, match.end(), match.group(), "stop"))
            return match.end()
        return position

    def part(self, position: int, end: int, known_end: int | None) -> tuple[int, Node | None, bool]:
        """Read one part of a unit: its end, its node, and whether the unit ends before the next character."""
        text = self.text
        if self.special and self.is_piece(position, end):
            node = self.piece(position)
            return node.end, node, False
        char = text[position]
        if char in ",，、\n\r":
            return position, None, True
        if char in ".。" and position >= (known_end or 0) and self.is_stop(position, end):
            return position, None, True
        if char.isspace():
            return self.white(position, end)
        keyword = _KEYWORD.match(text, position, end)
        if keyword and (position == 0 or not (text[position - 1].isalnum() or text[position - 1] in "_'-")):
            return keyword.end(), Keyword(position, keyword.end(), keyword.group()), False
        run = _PLAIN_RUN.match(text, position, end)
        stop = run.end() if run else position + 1
        return stop, Text(position, stop, text[position:stop]), False

    def white(self, position: int, end: int) -> tuple[int, Node | None, bool]:
        match = _GAP.match(self.text, position, end)
        stop = match.end() if match else position + 1
        gap = self.text[position:stop]
        if stop >= end or "\n" in gap or "\r" in gap or self.text[stop] in ",，、":
            return position, None, True
        return stop, Text(position, stop, gap), False

    def is_stop(self, position: int, end: int) -> bool:
        """Return whether the full stop at ``position`` closes a run of tags."""
        text = self.text
        match = _STOP.match(text, position, end)
        if match is None or not position:
            return False
        before, behind = text[position - 1], text[match.end() : min(end, match.end() + 1)]
        if before == ".":
            return behind.isupper() and text[max(0, position - 2)] not in ". "
        if not (before.isalnum() or before in ")\"”'}]>^*+~" or text[position - 2 : position] == "__"):
            return behind.isupper()
        if text[position] == "。":
            return True
        return closes(text, position + 1, end) if match.end() < end else not is_abbreviation(text, position + 1)

    def flush(self, nodes: list[Node], parts: list[Node]) -> None:
        """Turn the parts of a unit into nodes: parts with text make one tag, other parts are separate nodes."""
        run: list[Node] = []
        for part in self.joined(parts):
            if isinstance(part, LoraReference | Keyword | Comment | Embedding | Malformed) or _holds_list(part):
                self.flush_tag(nodes, run)
                run = []
                nodes.append(part)
            else:
                run.append(part)
        self.flush_tag(nodes, run)

    def flush_tag(self, nodes: list[Node], run: list[Node]) -> None:
        lead = run[:1] if run and _is_space(run[0]) else []
        tail = run[-1:] if len(run) > 1 and _is_space(run[-1]) else []
        body = run[len(lead) : len(run) - len(tail)]
        nodes += [_as_separator(gap) for gap in lead]
        if body and not any(isinstance(part, Text | Escape | Quote | Dynamic) and not _is_space(part) for part in body):
            nodes += [_as_separator(part) if isinstance(part, Text) else part for part in body]
        elif body:
            start, end = body[0].start, body[-1].end
            first = body[0]
            if isinstance(first, Text) and first.text[0].isspace():
                gap = first.text[: len(first.text) - len(first.text.lstrip())]
                nodes.append(Separator(start, start + len(gap), gap, "space"))
                start += len(gap)
                body[0] = Text(start, first.end, first.text.lstrip())
            last = body[-1]
            trailing: list[Node] = []
            if isinstance(last, Text) and last.text[-1].isspace():
                stripped = last.text.rstrip()
                trailing = [Separator(last.start + len(stripped), last.end, last.text[len(stripped) :], "space")]
                body[-1] = Text(last.start, last.start + len(stripped), stripped)
                end = last.start + len(stripped)
            children = () if len(body) == 1 and isinstance(body[0], Text) else tuple(body)
            nodes.append(TagNode(start, end, self.text[start:end], children))
            nodes += trailing
        nodes += [_as_separator(gap) for gap in tail]

    def joined(self, parts: list[Node]) -> list[Node]:
        """Join neighboring plain text."""
        joined: list[Node] = []
        for plain, run in groupby(parts, key=lambda part: isinstance(part, Text)):
            pieces = list(run)
            start, end = pieces[0].start, pieces[-1].end
            joined += [Text(start, end, self.text[start:end])] if plain and len(pieces) > 1 else pieces
        return joined

    def inline(self, start: int, end: int) -> tuple[Node, ...]:
        """Return the pieces of a sentence, plain text between them."""
        parts: list[Node] = []
        position = start
        for place in self.pieces.starts_in(start, end):
            if place < position or not self.is_piece(place, end):
                continue
            if place > position:
                parts.append(Text(position, place, self.text[position:place]))
            node = self.piece(place)
            parts.append(node)
            position = node.end
        if position < end:
            parts.append(Text(position, end, self.text[position:end]))
        return tuple(parts)

    def piece(self, start: int) -> Node:
        """Return the node of the atom, pair or stray bracket at ``start``."""
        text = self.text
        if start in self.pieces.atoms:
            return self.atom(start, *self.pieces.atoms[start])
        if start in self.pieces.deep:
            end = self.pieces.deep[start]
            message = f"brackets are nested more than {MAX_DEPTH} levels deep; remove some levels"
            self.report("nesting-too-deep", start, end, message)
            return Malformed(start, end, text[start:end], "nesting-too-deep")
        if start in self.pieces.stray:
            return self.stray(start)
        close = self.pieces.closers[start]
        if text[start] == "(":
            return self.group(start, close)
        if text[start] == "[":
            return self.bracket(start, close)
        body = text[start : close + 1]
        return Dynamic(start, close + 1, body, _dynamic_kind(body))

    def atom(self, start: int, end: int, kind: str) -> Node:
        body = self.text[start:end]
        if kind == "escape":
            return Escape(start, end, body)
        if kind == "quote":
            return Quote(start, end, body)
        if kind == "comment":
            return Comment(start, end, body)
        if kind == "wildcard":
            return Dynamic(start, end, body, "wildcard")
        if kind == "directive":
            match = _EMBED.fullmatch(body)
            return Embedding(start, end, body, match[1].strip()) if match else Dynamic(start, end, body, "directive")
        if kind == "embedding":
            return Embedding(start, end, body, body.split(":", 2)[1])
        if kind == "reference":
            match = _LORA.fullmatch(body)
            return LoraReference(
                start, end, body, match.group(1) if match else body[1:-1], match.group(2) if match else ""
            )
        if kind == "unclosed":
            self.report("quote-unclosed", start, end, "the quotation is not closed on its line; add a closing quote")
            return Malformed(start, end, body, "quote-unclosed")
        return Text(start, end, body)

    def stray(self, place: int) -> Node:
        body = self.text[place]
        if body == "$":
            return Malformed(place, place + 2, "${", "bracket-unbalanced")
        if body in "()":
            fault = "is never closed; add ')'" if body == "(" else "has no opening '('; remove it"
            message = f"'{body}' {fault}, or write '\\{body}' for a literal parenthesis"
            self.report("paren-unbalanced", place, place + 1, message)
            return Malformed(place, place + 1, body, "paren-unbalanced")
        if body in "{}":
            return Malformed(place, place + 1, body, "bracket-unbalanced")
        return Text(place, place + 1, body)

    def group(self, start: int, close: int) -> Group:
        """Read ``(…)`` as ComfyUI does: the text after the last colon is the weight if it is a number."""
        text = self.text
        colon = text.rfind(":", start + 2, close)
        weight: Decimal | None = None
        inner_end = close
        closer: Node = Mark(close, close + 1, ")")
        if colon > 0 and not self.has_paren(colon, close):
            tail = text[colon + 1 : close]
            number = _weight(tail)
            if number is not None and number.is_finite():
                weight, inner_end, closer = number, colon, Mark(colon, close + 1, text[colon : close + 1])
            elif number is not None:
                message = f"the weight '{tail.strip()}' is not a finite number; write a number such as 1.5"
                self.report("weight-nonfinite", colon, close + 1, message)
                inner_end, closer = colon, Malformed(colon, close + 1, text[colon : close + 1], "weight-nonfinite")
        children: list[Node] = [Mark(start, start + 1, "(")]
        if weight is None and inner_end == close and _is_weight_typo(text, start, close):
            self.report(
                "weight-format", start, close + 1, "the weight is not a number, so it is read as text; write (tag:1.2)"
            )
            children.append(Malformed(start + 1, close, text[start + 1 : close], "weight-format"))
        else:
            self.level(children, start + 1, inner_end)
        children.append(closer)
        return Group(start, close + 1, tuple(children), weight)

    def has_paren(self, start: int, end: int) -> bool:
        return any(char in "()" for char in self.text[start:end])

    def bracket(self, start: int, close: int) -> Node:
        inside = self.text[start + 1 : close]
        kind: BracketKind = "lowered"
        if "|" in inside:
            kind = "alternation"
        elif _ends_in(_STEP, ":", self.text, start, close):
            kind = "schedule"
        children: list[Node] = [Mark(start, start + 1, "[")]
        if kind == "lowered":
            self.level(children, start + 1, close)
        elif inside:
            children.append(Text(start + 1, close, inside))
        children.append(Mark(close, close + 1, "]"))
        return Bracket(start, close + 1, tuple(children), kind)

    def report(self, name: str, start: int, end: int, message: str) -> None:
        self.diagnostics.append(Diagnostic(name, Severity.ERROR, start, end, message))


def _opening(nodes: list[Node]) -> _Opening:
    """Return how a unit after ``nodes`` begins."""
    place = len(nodes) - 1
    gap = ""
    while place >= 0 and isinstance(node := nodes[place], Separator):
        if node.kind in ("newline", "stop"):
            return _Opening(fresh=True)
        gap += node.text
        place -= 1
    if place < 0:
        return _Opening(fresh=True)
    last, comma = nodes[place], "," in gap
    if isinstance(last, SentenceNode):
        return _Opening(fresh=True, follows=not comma)
    if comma and "\n" in gap:
        return _Opening(fresh=True, listed=True)
    return _Opening(fresh=isinstance(last, Mark) or (isinstance(last, Keyword) and not comma))


def _separator_kind(gap: str) -> SeparatorKind:
    if "," in gap or "，" in gap or "、" in gap:
        return "comma"
    return "newline" if "\n" in gap or "\r" in gap else "space"


def _is_weight_typo(text: str, start: int, end: int) -> bool:
    """Return whether a group ends like a weight with a comma for its point, or with a semicolon for its colon."""
    return _ends_in(_COMMA_NUMBER, ":", text, start, end) or _ends_in(_DOT_NUMBER, ";", text, start, end)


def _ends_in(number: re.Pattern[str], sign: str, text: str, start: int, end: int) -> bool:
    """Return whether only a number follows the last ``sign`` before ``end``."""
    place = text.rfind(sign, max(start, end - _LONGEST_NUMBER), end)
    return place >= 0 and number.fullmatch(text, place + 1, end) is not None


def _dynamic_kind(body: str) -> DynamicKind:
    if body.startswith("$"):
        return "variable"
    return "choice" if "|" in body or "$$" in body else "block"


def _as_separator(gap: Node) -> Separator:
    assert isinstance(gap, Text)
    return Separator(gap.start, gap.end, gap.text, "space")


def _is_space(part: Node) -> bool:
    return isinstance(part, Text) and part.text.isspace()


def _holds_list(part: Node) -> bool:
    """Return whether a group or bracket contains several units, so that it cannot be part of a tag."""
    if not isinstance(part, Group | Bracket) or (isinstance(part, Bracket) and part.kind != "lowered"):
        return False
    units = [c for c in part.children if not isinstance(c, Mark | Separator)]
    return len(units) != 1 or isinstance(units[0], SentenceNode)


def _weight(tail: str) -> Decimal | None:
    """Return the weight in ``tail`` if Python's ``float`` takes it, as ComfyUI does; exact as written."""
    try:
        float(tail)
        return Decimal(tail.strip())
    except (ValueError, InvalidOperation):
        return None
