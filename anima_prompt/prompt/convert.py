"""Convert a prompt text to another front end: with the same meaning, or with a diagnostic for text without equivalent.

Works on the tree, so order, sentences and separators stay. After converting, the weighted segments of both texts are
compared as the two front ends would read them; any difference that was not announced is announced then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from anima_prompt.diagnostics import Diagnostic, Severity
from anima_prompt.dialects import Dialect, ForeignDialect
from anima_prompt.names import escape, unescape
from anima_prompt.prompt.foreign import read_foreign
from anima_prompt.syntax import nodes as syntax
from anima_prompt.syntax import parse, weighted_segments

_NEUTRAL = Decimal(1)
_BARE = Decimal("1.1")
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Conversion:
    """A converted text, and diagnostics for text without equivalent. Spans are in the source text."""

    text: str
    diagnostics: tuple[Diagnostic, ...] = ()


def convert(text: str, source: str | Dialect | ForeignDialect, target: str | Dialect) -> Conversion:
    r"""Rewrite ``text`` from the syntax of ``source`` into that of ``target``; ``source`` may be one that is only read.

    Nested weights are flattened to absolute ones, escapes are put on and taken off, live brackets of one front end
    are escaped if they would be markup in the target.

    Raises:
        DialectError: unknown dialect.

    >>> convert("((a:1.2), b)", "a1111", "comfyui").text
    '(a:1.32)(, b:1.1)'
    >>> convert(r"fern \(sousou no frieren\), (smile:1.2)", "comfyui", "plain").text
    'fern (sousou no frieren), smile'
    >>> convert("{{hat}}, 1.3::red hair::", "novelai", "comfyui").text
    '(hat:1.1025), (red hair:1.3)'
    """
    foreign = ForeignDialect.named(source)
    if foreign is not None:
        return _convert_foreign(text, foreign, Dialect.of(target))
    reads, writes = Dialect.of(source), Dialect.of(target)
    if reads is writes:
        return Conversion(text)
    tree = parse(text, dialect=reads)
    converter = _Converter(text, reads, writes)
    converter.nodes(tree.nodes, _NEUTRAL)
    lost = [d for d in tree.diagnostics if d.name in ("paren-unbalanced", "weight-nonfinite", "nesting-too-deep")]
    diagnostics = [*lost, *converter.diagnostics]
    same = _segments(text, reads) == _segments(text, writes)
    result = text if same and not diagnostics else converter.text()
    if not diagnostics and writes.reads_weights and not _equal(_segments(text, reads), _segments(result, writes)):
        message = f"{writes} does not read this exactly as {reads} does; compare the two before relying on it"
        diagnostics.append(Diagnostic("conversion-inexact", Severity.ERROR, 0, len(text), message))
    return Conversion(result, tuple(sorted(diagnostics, key=lambda d: (d.start, d.end))))


def _convert_foreign(text: str, source: ForeignDialect, target: Dialect) -> Conversion:
    """Rewrite a text of a syntax that is only read: spaces and commas stay outside of weights."""
    pieces, diagnostics = read_foreign(text, source)
    written = ""
    for piece in pieces:
        inner = piece.text.strip(" \t\n,")
        if piece.weight == 1 or not inner or not target.reads_weights:
            written += escape(piece.text, target)
            continue
        start = piece.text.index(inner)
        before, after = piece.text[:start], piece.text[start + len(inner) :]
        written += f"{before}({escape(inner, target)}:{_number(piece.weight)}){after}"
    weights = ", ".join(dict.fromkeys(_number(piece.weight) for piece in pieces if piece.weight != 1))
    if weights and not target.reads_weights:
        message = f"weights have no equivalent in {target}: {weights}"
        diagnostics.append(Diagnostic("weight-dropped", Severity.WARNING, 0, len(text), message))
    return Conversion(written, tuple(diagnostics))


class _Converter:
    """Pieces of target text with their absolute weights, joined when all are known."""

    def __init__(self, source: str, reads: Dialect, writes: Dialect) -> None:
        self.source = source
        self.reads = reads
        self.writes = writes
        self.pieces: list[tuple[str, Decimal]] = []
        self.diagnostics: list[Diagnostic] = []

    def text(self) -> str:
        """Join neighbors of equal weight and put weighted text in parentheses."""
        joined: list[tuple[str, Decimal]] = []
        for piece, weight in self.pieces:
            if joined and joined[-1][1] == weight:
                joined[-1] = (joined[-1][0] + piece, weight)
            else:
                joined.append((piece, weight))
        plain = not self.writes.reads_weights
        return "".join(p if plain or w == _NEUTRAL or not p else f"({p}:{_number(w)})" for p, w in joined)

    def nodes(self, nodes: tuple[syntax.Node, ...], weight: Decimal) -> None:
        for node in self.without_references(nodes):
            self.node(node, weight)

    def without_references(self, nodes: tuple[syntax.Node, ...]) -> list[syntax.Node]:
        """Remove references that would become text, each with the separator after or before it."""
        if not self.reads.reads_brackets:
            return list(nodes)
        remaining: list[syntax.Node] = []
        gap_closes = False
        for node in nodes:
            if isinstance(node, syntax.LoraReference):
                message = f"{self.writes} reads '{node.text}' as text; it is left out, load it by other means"
                self.report("lora-literal", node, message)
                gap_closes = True
            elif not (gap_closes and isinstance(node, syntax.Separator)):
                remaining.append(node)
                gap_closes = False
            else:
                gap_closes = False
        if gap_closes and remaining and isinstance(remaining[-1], syntax.Separator):
            remaining.pop()
        return remaining

    def node(self, node: syntax.Node, weight: Decimal) -> None:
        if isinstance(node, syntax.Group):
            self.group(node, weight)
        elif isinstance(node, syntax.Bracket):
            self.bracket(node, weight)
        elif isinstance(node, syntax.LoraReference):
            self.lora(node, weight)
        elif isinstance(node, syntax.Keyword):
            self.keyword(node, weight)
        elif isinstance(node, syntax.Embedding):
            self.embedding(node, weight)
        elif syntax.children_of(node):
            self.nodes(syntax.children_of(node), weight)
        elif isinstance(node, syntax.Quote | syntax.Dynamic) and self.reads.reads_weights and self.writes.reads_weights:
            self.put(node.text, weight)
        else:
            self.put(self.literal(self.source[node.start : node.end]), weight)

    def put(self, text: str, weight: Decimal) -> None:
        self.pieces.append((text, weight))

    def literal(self, text: str) -> str:
        return escape(unescape(text, self.reads), self.writes)

    def group(self, node: syntax.Group, weight: Decimal) -> None:
        if isinstance(node.children[-1], syntax.Malformed):  # a weight that is not finite; the parser reports it
            self.put(self.source[node.start : node.end], weight)
            return
        own = _BARE if node.weight is None else node.weight
        multiplies = node.weight is None or self.reads.nested_weights_multiply
        value = weight * own if multiplies else own
        if not self.writes.reads_weights and value != _NEUTRAL:
            self.report("weight-dropped", node, f"weight {_number(value)} has no equivalent in {self.writes}")
        inner = [child for child in node.children if not isinstance(child, syntax.Mark)]
        self.nodes(tuple(inner), value)

    def bracket(self, node: syntax.Bracket, weight: Decimal) -> None:
        source = self.source[node.start : node.end]
        if not self.reads.reads_brackets:
            self.put(self.literal(source), weight)
        elif node.kind == "lowered":
            value = weight / _BARE
            if not self.writes.reads_weights:
                self.report("weight-dropped", node, f"[…] has no equivalent in {self.writes}")
            inner = [child for child in node.children if not isinstance(child, syntax.Mark)]
            self.nodes(tuple(inner), value)
        else:
            self.report(
                "schedule-unsupported", node, f"'{source}' changes during sampling; {self.writes} reads it as text"
            )
            self.put(source, weight)

    def lora(self, node: syntax.LoraReference, weight: Decimal) -> None:
        if self.writes.reads_brackets:
            message = f"'{node.text}' is text in {self.reads} and will be loaded by {self.writes}"
            self.report("lora-literal", node, message)
        self.put(node.text, weight)

    def keyword(self, node: syntax.Keyword, weight: Decimal) -> None:
        if self.reads.reads_brackets or self.writes.reads_brackets:
            self.report(
                "break-useless", node, f"'{node.text}' means something else in {self.writes} than in {self.reads}"
            )
        self.put(node.text, weight)

    def embedding(self, node: syntax.Embedding, weight: Decimal) -> None:
        if self.reads is Dialect.COMFYUI and self.writes is Dialect.A1111:
            self.report("embedding-renamed", node, f"{self.writes} calls the embedding '{node.name}' only by its name")
            self.put(node.name, weight)
            return
        if self.reads is Dialect.COMFYUI:
            self.report("embedding-unsupported", node, f"{self.writes} reads '{node.text}' as text")
        self.put(node.text, weight)

    def report(self, name: str, node: syntax.Node, message: str) -> None:
        self.diagnostics.append(Diagnostic(name, Severity.WARNING, node.start, node.end, message))


def _number(weight: Decimal) -> str:
    rounded = round(weight, _DECIMALS)
    return format(weight if rounded == weight else rounded.normalize(), "f")


def _segments(text: str, dialect: Dialect) -> list[tuple[str, float]]:
    """Return the segments with neighbors of equal weight joined, because front ends only differ in such joins."""
    joined: list[tuple[str, float]] = []
    for piece, weight in weighted_segments(text, dialect):
        if joined and math.isclose(joined[-1][1], weight, rel_tol=1e-5, abs_tol=1e-6):
            joined[-1] = (joined[-1][0] + piece, joined[-1][1])
        elif piece:
            joined.append((piece, weight))
    return joined


def _equal(left: list[tuple[str, float]], right: list[tuple[str, float]]) -> bool:
    return len(left) == len(right) and all(
        a == b and math.isclose(v, w, rel_tol=1e-5, abs_tol=1e-6) for (a, v), (b, w) in zip(left, right, strict=True)
    )
