"""Canonical typography for a prompt text, in place: nothing moves, no weight changes.

Separators become ``", "``, white space single, the underscores of known names spaces, weights lose inner blanks.
Unknown names, sentences, quotations, references, wildcards, comments, malformed pieces and tags with markup inside stay
byte for byte.
"""

from __future__ import annotations

import re

from anima_prompt.dialects import Dialect
from anima_prompt.names import spaced, squeezed, unescape
from anima_prompt.prompt.spelling import is_known, is_name
from anima_prompt.syntax import nodes as syntax
from anima_prompt.syntax import parse, weighted_segments
from anima_prompt.vocabulary import Vocabulary

_MOST_ROUNDS = 4
_TYPOGRAPHY = re.compile(r"[\s_,，、]+")
_MARK_BLANKS = re.compile(r"\s+")


def format_text(text: str, *, dialect: str | Dialect = Dialect.COMFYUI, vocabulary: Vocabulary | None = None) -> str:
    """Return ``text`` with canonical typography; doing it twice changes nothing more.

    Where an unbalanced parenthesis makes even white space count, the text is returned as it is.

    >>> format_text("masterpiece ,best_quality,( smile : 1.2 ),@_@")
    'masterpiece, best quality, (smile:1.2), @_@'
    """
    reader = Dialect.of(dialect)
    table = vocabulary or Vocabulary.default()
    formatter = _Formatter(reader, table)
    settled = text
    for _ in range(_MOST_ROUNDS):  # a fixed separator may let the next round see a tag where there was none
        formatted = formatter.text(settled)
        if formatted == settled:
            break
        settled = formatted
    return settled if _reading(text, reader) == _reading(settled, reader) else text


def _reading(text: str, dialect: Dialect) -> list[tuple[str, float]]:
    """Return what the front end reads, without what formatting may change."""
    joined: list[tuple[str, float]] = []
    for piece, weight in weighted_segments(text, dialect):
        bare = _TYPOGRAPHY.sub("", piece)
        if joined and joined[-1][1] == weight:
            joined[-1] = (joined[-1][0] + bare, weight)
        elif bare:
            joined.append((bare, weight))
    return joined


class _Formatter:
    """Formats one tree; holds what decides how a tag is written."""

    def __init__(self, dialect: Dialect, vocabulary: Vocabulary) -> None:
        self.dialect = dialect
        self.vocabulary = vocabulary

    def text(self, text: str) -> str:
        tree = parse(text, dialect=self.dialect, known=self.known)
        return "".join(self.level(tree.nodes))

    def known(self, clause: str) -> bool:
        return is_known(clause, self.dialect, self.vocabulary)

    def level(self, nodes: tuple[syntax.Node, ...]) -> list[str]:
        """Return the formatted pieces of a level. Outer and repeated separators go."""
        pieces: list[str] = []
        gap: list[syntax.Separator] = []
        for node in nodes:
            if isinstance(node, syntax.Separator):
                gap.append(node)
                continue
            if pieces and gap:
                pieces.append(_gap(gap))
            gap = []
            pieces.append(self.node(node))
        if gap and gap[0].kind == "stop" and pieces:
            pieces.append(".")
        return pieces

    def node(self, node: syntax.Node) -> str:
        if isinstance(node, syntax.TagNode):
            return self.tag(node)
        if isinstance(node, syntax.Group):
            inner = "".join(self.level(node.children[1:-1]))
            closer = node.children[-1]
            mark = "".join(syntax.leaf_texts((closer,)))
            return f"({inner}{_MARK_BLANKS.sub('', mark) if isinstance(closer, syntax.Mark) else mark}"
        if isinstance(node, syntax.Bracket) and node.kind == "lowered":
            return f"[{''.join(self.level(node.children[1:-1]))}]"
        return "".join(syntax.leaf_texts((node,)))

    def tag(self, node: syntax.TagNode) -> str:
        """Return a tag with spaces for the underscores of a known name, its escapes as they are."""
        if any(not isinstance(child, syntax.Text | syntax.Escape) for child in node.children):
            return node.text
        text = squeezed(node.text)
        known = "_" in text and is_name(unescape(text, self.dialect), self.vocabulary)
        return spaced(text) if known else text


def _gap(gap: list[syntax.Separator]) -> str:
    """Return the canonical form of the separators between two units."""
    text = "".join(separator.text for separator in gap)
    kinds = {separator.kind for separator in gap}
    breaks = "\n" * min(text.count("\n"), 2)
    if kinds == {"space"}:
        return " "
    if kinds == {"newline"} or (kinds == {"newline", "space"}):
        return breaks or "\n"
    lead = "." if gap[0].kind == "stop" else ","
    return lead + (breaks or " ")
