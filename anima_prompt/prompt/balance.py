r"""Escape unbalanced parentheses, so that a text can be split and sorted without pairing them.

Knows the parser and its diagnostics; knows nothing of prompts. The front end reads the same text: an
unbalanced parenthesis is text, and so is an escaped parenthesis.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

from anima_prompt.dialects import Dialect
from anima_prompt.syntax import Tree, parse
from anima_prompt.syntax import nodes as syntax
from anima_prompt.syntax.prose import Known

_MOST_ROUNDS = 4
"""An escape can change the pairs of the parentheses around it; three passes were enough for every known text."""


@dataclass(frozen=True, slots=True)
class Balanced:
    """A text without stray parentheses, its tree, and the way back to the source.

    Attributes:
        tree: of the text with escapes.
        added: places in that text where a backslash was added, in order.
        source_tree: of the text as it was written; its diagnostics belong to the source.
    """

    tree: Tree
    added: tuple[int, ...]
    source_tree: Tree

    def place(self, place: int) -> int:
        """Return where a place of the text with escapes is in the source."""
        return place - bisect_left(self.added, place)


def parse_balanced(text: str, dialect: Dialect, known: Known) -> Balanced:
    r"""Parse a text with its stray parentheses escaped.

    >>> balanced = parse_balanced("a), (b", Dialect.COMFYUI, lambda clause: False)
    >>> balanced.tree.source, [balanced.place(place) for place in (0, 3, 5)]
    ('a\\), \\(b', [0, 2, 4])
    """
    source_tree = tree = parse(text, dialect=dialect, known=known)
    added: list[int] = []
    for _ in range(_MOST_ROUNDS):
        stray = _stray(tree)
        if not stray:
            break
        added = sorted((*(place + bisect_left(stray, place) for place in added), *_shifted(stray)))
        tree = parse(_escaped(tree.source, stray), dialect=dialect, known=known)
    return Balanced(tree, tuple(added), source_tree)


def _stray(tree: Tree) -> list[int]:
    if not any(diagnostic.name == "paren-unbalanced" for diagnostic in tree.diagnostics):
        return []
    nodes = (node for node in syntax.walk(tree.nodes) if isinstance(node, syntax.Malformed))
    return sorted(node.start for node in nodes if node.reason == "paren-unbalanced")


def _shifted(stray: list[int]) -> list[int]:
    """Return the positions of the backslashes in the new text."""
    return [place + number for number, place in enumerate(stray)]


def _escaped(text: str, stray: list[int]) -> str:
    bounds = [0, *stray, len(text)]
    return "\\".join(text[start:end] for start, end in pairwise(bounds))
