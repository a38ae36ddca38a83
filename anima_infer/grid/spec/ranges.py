"""Ranges: ``1-5``, ``1-5 (+2)``, ``0-1 [5]``, ``1, 2, ..., 10``.

Numbers are exact decimals, so that labels show what was written.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from anima_infer.errors import GridError

MOST = 10_000
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_SPAN = re.compile(rf"({_NUMBER})\s*-\s*({_NUMBER})(?:\s*\(([-+]\d+(?:\.\d+)?)\)|\s*\[(\d+)\])?")


def numbers_from(text: str) -> tuple[Decimal, ...]:
    """Return the numbers of a range.

    Args:
        text: ``1-5`` (steps of 1), ``1-5 (+2)``, ``10-1 (-3)``, ``0-1 [5]`` (five numbers, ends included),
            ``1, 2, 5``, ``1, 2, ..., 10``.

    Raises:
        GridError: the range has another form, or more than 10,000 numbers.

    >>> [str(number) for number in numbers_from("1-2 (+0.5)")]
    ['1', '1.5', '2']
    >>> [str(number) for number in numbers_from("0-1 [5]")]
    ['0', '0.25', '0.5', '0.75', '1']
    >>> [str(number) for number in numbers_from("1, 3, ..., 9")]
    ['1', '3', '5', '7', '9']
    """
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        return _listed(text)
    first, last = Decimal(match[1]), Decimal(match[2])
    if match[4]:
        return _spread(first, last, int(match[4]), text)
    step = Decimal(match[3]) if match[3] else Decimal(1 if last >= first else -1)
    return _counted(first, last, step, text)


def _listed(text: str) -> tuple[Decimal, ...]:
    parts = [part.strip() for part in text.split(",")]
    if "..." in parts:
        dots = parts.index("...")
        if dots < 2 or dots != len(parts) - 2:
            raise _error(text)
        numbers = [_number(part, text) for part in (*parts[:dots], parts[-1])]
        *head, second, last = numbers
        return (*head[:-1], *_counted(head[-1], last, second - head[-1], text))
    return tuple(_number(part, text) for part in parts)


def _number(part: str, text: str) -> Decimal:
    try:
        number = Decimal(part)
    except InvalidOperation:
        raise _error(text) from None
    if not number.is_finite():
        raise _error(text)
    return number


def _counted(first: Decimal, last: Decimal, step: Decimal, text: str) -> tuple[Decimal, ...]:
    if not step or (last - first) * step < 0:
        raise GridError(f"range is '{text}'; the step never leads from {first} to {last}")
    count = int((last - first) / step) + 1
    _check_count(count, text)
    return tuple(_rounded(first + step * index) for index in range(count))


def _spread(first: Decimal, last: Decimal, count: int, text: str) -> tuple[Decimal, ...]:
    if count < 2:
        raise GridError(f"range is '{text}'; expected at least 2 numbers in the brackets")
    _check_count(count, text)
    numbers = [first + (last - first) * index / (count - 1) for index in range(count)]
    return tuple(_rounded(number) for number in numbers)


def _rounded(number: Decimal) -> Decimal:
    """Return a number with at most 6 decimals and no trailing zeros."""
    rounded = round(number, 6)
    return Decimal(f"{rounded:f}".rstrip("0").rstrip(".")) if rounded % 1 else Decimal(int(rounded))


def _check_count(count: int, text: str) -> None:
    if count > MOST:
        raise GridError(f"range is '{text}'; the range has {count} numbers, at most {MOST} are allowed")


def _error(text: str) -> GridError:
    return GridError(f"range is '{text}'; expected a form such as 1-5, 1-5 (+2), 0-1 [5] or 1, 2, ..., 10")
