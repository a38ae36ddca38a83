"""The texts that are drawn from a caption before training: lines, shuffled tags, dropped tags.

Sentences, position clauses ("On the left, red hair.") and weighted groups are never torn: each is one piece.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from itertools import pairwise

from anima_infer.training.spec.definition import CaptionOptions
from anima_prompt import Section, read


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    gap: str
    """Text between this piece and the next."""

    section: Section


def draw_texts(caption: str, options: CaptionOptions, *, seed: int) -> tuple[str, ...]:
    """Return the variants of a caption, all different from each other where they can be.

    Args:
        caption: content of the caption file.
        options: of the specification.
        seed: of lines, order and dropped tags; the same seed draws the same texts.
    """
    source = random.Random(seed)  # noqa: S311  no secret
    lines = [line.strip() for line in caption.splitlines() if line.strip()]
    if options.lines == "first":
        lines = lines[:1]
    if options.lines != "random":
        lines = ["\n".join(lines)]
    lines = lines or [""]
    tries = 1 if options.variants == 1 else 4 * options.variants
    texts: dict[str, None] = {}
    order = [*range(len(lines))]
    source.shuffle(order)
    for number in range(tries):
        if len(texts) < options.variants:
            line = lines[order[number % len(lines)]]
            texts[options.prefix + _varied(line, options, source)] = None
    return tuple(texts)


def _varied(text: str, options: CaptionOptions, source: random.Random) -> str:
    head, separator, tail = text.partition(options.keep_separator) if options.keep_separator else ("", "", text)
    if not separator:
        head, tail = "", text
    if options.shuffle == "none" and not options.tag_dropout:
        return _joined(head.strip(" ,"), tail.strip(" ,")) if separator else text
    pieces = _pieces(tail.strip(" ,") if separator else tail)
    fixed = 0 if separator else min(options.keep, len(pieces))
    movable = [i for i in range(fixed, len(pieces)) if _is_movable(pieces[i], options)]
    dropped = {i for i in movable if options.tag_dropout and source.random() < options.tag_dropout}
    shuffled = movable[:]
    if options.shuffle != "none":
        source.shuffle(shuffled)
    chosen = dict(zip(movable, shuffled, strict=True))
    kept: list[_Piece] = []
    for place, piece in enumerate(pieces):
        if chosen.get(place, place) not in dropped:
            kept.append(replace(pieces[chosen.get(place, place)], gap=piece.gap))
        elif kept:
            kept[-1] = replace(kept[-1], gap=piece.gap)
    body = "".join(piece.text + piece.gap for piece in kept[:-1]) + "".join(piece.text for piece in kept[-1:])
    return _joined(head.strip(" ,"), body) if separator else body


def _is_movable(piece: _Piece, options: CaptionOptions) -> bool:
    if piece.section is Section.TEXT:
        return False
    return options.shuffle == "tags" or piece.section is Section.GENERAL


def _joined(head: str, tail: str) -> str:
    return f"{head}, {tail}" if head and tail else head or tail


def _pieces(text: str) -> list[_Piece]:
    """Return the tags, groups and sentences of a text; text and gaps in order give it back."""
    items = read(text).items
    if not items:
        return [_Piece(text, "", Section.TEXT)] if text else []
    cuts = [(0, 0)]
    for before, after in pairwise(items):
        cuts.append(_cut(text, before.end, after.start))
    cuts.append((len(text), len(text)))
    pieces: list[_Piece] = []
    start = 0
    for index, item in enumerate(items):
        end, following = cuts[index + 1]
        chunk = text[start:end]
        if chunk.count("(") > chunk.count(")") and index < len(items) - 1:
            continue  # inside a group
        pieces.append(_Piece(chunk, text[end:following], item.section))
        start = following
    return pieces


def _cut(text: str, end: int, start: int) -> tuple[int, int]:
    """Return where the piece before a gap ends and the piece after it begins."""
    gap = text[end:start]
    comma = gap.find(",")
    if comma >= 0:
        return end + len(gap[:comma].rstrip()), start - len(gap[comma + 1 :].lstrip())
    left = gap.rstrip()
    return end + len(left.removesuffix(".")), start
