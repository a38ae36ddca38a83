"""Weights of NovelAI and compel, read as segments with absolute weights.

An unbalanced sign is a letter. What has no weight (mixing, random choices) is reported and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from anima_prompt.diagnostics import Diagnostic, Severity
from anima_prompt.dialects import ForeignDialect

_ONE = Decimal(1)
_BRACE = Decimal("1.05")
_PLUS, _MINUS = Decimal("1.1"), Decimal("0.9")
_NUMBER = re.compile(r"(?<![\w.:])(-?\d{1,3}(?:\.\d{1,6})?|-?\.\d{1,6})::")
_RANDOM = re.compile(r"\|\|.+?\|\|")
_SIGNS = re.compile(r"\+{1,8}(?![\w+])|-{1,8}(?![\w-])")
_FACTOR = re.compile(r"\d{1,3}(?:\.\d{1,6})?(?![\w.])|\.\d{1,6}(?![\w.])")
_WORD = re.compile(r"[^\W_](?:[\w'’]|-(?=\w))*")
_METHODS = re.compile(r"\)\.(and|blend|swap)\(")


@dataclass(frozen=True, slots=True)
class ForeignPiece:
    """A stretch of text with its absolute weight; markup taken off."""

    text: str
    weight: Decimal


def read_foreign(text: str, dialect: ForeignDialect) -> tuple[list[ForeignPiece], list[Diagnostic]]:
    """Return the pieces of a text, and what weights cannot express.

    >>> pieces, _ = read_foreign("{{hat}}, 1.3::red hair::", ForeignDialect.NOVELAI)
    >>> [(piece.text, str(piece.weight)) for piece in pieces]
    [('hat', '1.1025'), (', ', '1'), ('red hair', '1.3')]
    >>> pieces, _ = read_foreign("hair++, (red hat)1.3", ForeignDialect.COMPEL)
    >>> [(piece.text, str(piece.weight)) for piece in pieces]
    [('hair', '1.21'), (', ', '1'), ('red hat', '1.3')]
    """
    if dialect is ForeignDialect.NOVELAI:
        pieces, unsupported = list(_novelai(text)), _RANDOM
    else:
        pieces, unsupported = list(_compel(text)), _METHODS
    diagnostics = [
        Diagnostic(
            "conversion-inexact",
            Severity.WARNING,
            match.start(),
            match.end(),
            f"'{match[0]}' of {dialect} has no weight that says the same; it stays as it is",
        )
        for match in unsupported.finditer(text)
    ]
    return _merged(pieces), diagnostics


def _merged(pieces: list[ForeignPiece]) -> list[ForeignPiece]:
    merged: list[ForeignPiece] = []
    for piece in pieces:
        if merged and merged[-1].weight == piece.weight:
            merged[-1] = ForeignPiece(merged[-1].text + piece.text, piece.weight)
        elif piece.text:
            merged.append(piece)
    return merged


def _partners(text: str, opener: str, closer: str) -> dict[int, int]:
    """Return the closer of every opener that has one; escaped signs have none."""
    pairs: dict[int, int] = {}
    stack: list[int] = []
    for match in re.finditer(rf"\\.|[{re.escape(opener + closer)}]", text, re.DOTALL):
        if match[0] == opener:
            stack.append(match.start())
        elif match[0] == closer and stack:
            pairs[stack.pop()] = match.start()
    return pairs


# --- NovelAI ---------------------------------------------------------------------------------------------------------


def _novelai(text: str) -> Iterator[ForeignPiece]:
    pairs = _partners(text, "{", "}") | _partners(text, "[", "]")
    ends = {end: start for start, end in pairs.items()}
    strength = number = _ONE
    position = start = 0
    while position < len(text):
        step, change, value = 1, _ONE, None
        if position in pairs or position in ends:
            change = _BRACE if text[position] in "{]" else 1 / _BRACE
        elif match := _NUMBER.match(text, position):
            step, value = match.end() - position, Decimal(match[1])
        elif text.startswith("::", position) and number != _ONE:
            step, value = 2, _ONE
        else:
            position += 1
            continue
        yield ForeignPiece(text[start:position], _rounded(strength * number))
        strength, number = strength * change, number if value is None else value
        position = start = position + step
    yield ForeignPiece(text[start:], _rounded(strength * number))


def _rounded(weight: Decimal) -> Decimal:
    """Return a weight without what division left over: a level that is closed is exactly 1 again."""
    rounded = round(weight, 6).normalize()
    return Decimal(int(rounded)) if rounded == rounded.to_integral_value() else rounded


# --- compel ----------------------------------------------------------------------------------------------------------


def _compel(text: str) -> Iterator[ForeignPiece]:
    pairs = _partners(text, "(", ")")
    ends = {end: start for start, end in pairs.items()}
    factors = {start: _factor(text, end + 1) for start, end in pairs.items()}
    stack: list[Decimal] = [_ONE]
    position = 0
    while position < len(text):
        weight = _rounded(stack[-1])
        if position in pairs:
            stack.append(stack[-1] * factors[position][0])
            position += 1
        elif position in ends:
            stack.pop()
            position = factors[ends[position]][1]
        elif text[position] == "\\" and text[position + 1 : position + 2] in ("(", ")", '"', "+", "-", "\\"):
            yield ForeignPiece(text[position + 1], weight)
            position += 2
        elif match := _WORD.match(text, position):
            sign = _SIGNS.match(text, match.end())
            own = _power(sign[0]) if sign else _ONE
            yield ForeignPiece(match[0], _rounded(stack[-1] * own))
            position = sign.end() if sign else match.end()
        else:
            yield ForeignPiece(text[position], weight)
            position += 1


def _factor(text: str, position: int) -> tuple[Decimal, int]:
    """Return what follows a group, and where it ends; a group without one has its parentheses taken off."""
    sign = _SIGNS.match(text, position)
    if sign:
        return _power(sign[0]), sign.end()
    number = _FACTOR.match(text, position)
    return (Decimal(number[0]), number.end()) if number else (_ONE, position)


def _power(signs: str) -> Decimal:
    return Decimal((_PLUS if signs[0] == "+" else _MINUS) ** len(signs))
