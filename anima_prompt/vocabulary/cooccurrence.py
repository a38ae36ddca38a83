"""Co-occurrence counts of tags in captions, in one SQLite file.

Knows names and counts; knows nothing of caption files. The score of two tags is the share of their captions that they
have in common: common captions divided by the geometric mean of both counts (cosine, 0 to 1).
"""

from __future__ import annotations

import math
import sqlite3
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from anima_prompt.atomic import atomic_path
from anima_prompt.errors import StoreError
from anima_prompt.vocabulary.store import Connection

LEAST, MOST_KEPT = 3, 60
"""Minimum captions of a tag and of a pair; maximum number of pairs of a tag, the closest first."""
_MOST_PAIRS = 6_000_000
"""Maximum pairs in memory; beyond it, pairs with a count of 1 are dropped, which may lose rare pairs."""
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tag (name TEXT PRIMARY KEY, captions INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE pair (name TEXT, other TEXT, captions INTEGER NOT NULL, score REAL NOT NULL, PRIMARY KEY (name, other))
WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Related:
    """A tag that occurs with another tag: number of common captions, and the score from 0 to 1."""

    name: str
    captions: int
    score: float


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of a run: captions read, tags and pairs stored."""

    captions: int
    tags: int
    pairs: int


class Cooccurrence:
    """Counts in a file, read on demand."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Keep an open file; :func:`open_cooccurrence` opens it."""
        self._connection = connection

    def related(self, name: str, *, limit: int = 20) -> list[Related]:
        """Return the tags that occur with a tag, the closest first."""
        rows = self._connection.execute(
            "SELECT other, captions, score FROM pair WHERE name = ? ORDER BY score DESC, other LIMIT ?", (name, limit)
        )
        return [Related(*row) for row in rows]

    def affinity(self, name: str, prompt_tags: Iterable[str]) -> float:
        """Return how often a tag occurs with the tags of a prompt: the sum of its scores with them."""
        total = 0.0
        for tag in prompt_tags:
            row = self._connection.execute(
                "SELECT score FROM pair WHERE (name = ? AND other = ?) OR (name = ? AND other = ?)",
                (name, tag, tag, name),
            ).fetchone()
            total += row[0] if row else 0.0
        return total

    def captions(self) -> int:
        """Return the number of captions read."""
        return int(self._connection.execute("SELECT value FROM meta WHERE key = 'captions'").fetchone()[0])


def open_cooccurrence(path: Path) -> Cooccurrence | None:
    """Return the counts, or None if the file is missing or unreadable."""
    if not path.is_file():
        return None
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False, factory=Connection
        )
        connection.execute("SELECT 1 FROM pair LIMIT 1")
    except sqlite3.Error:
        return None
    return Cooccurrence(connection)


def learn(captions: Iterable[Sequence[str]], path: Path) -> Totals:
    """Count the tags and pairs of captions and write them, replacing the previous counts.

    Args:
        captions: names of the tags of each caption.
        path: file to write atomically.

    Raises:
        StoreError: the file cannot be written.
    """
    numbers: dict[str, int] = {}
    rows: list[array[int]] = []
    for tags in captions:  # a comprehension would hide that numbers grows
        row = sorted({numbers.setdefault(name, len(numbers)) for name in tags})
        rows.append(array("I", row))
    counts = Counter(number for row in rows for number in row)
    frequent = {number for number, count in counts.items() if count >= LEAST}
    pairs = _pairs(rows, frequent, len(numbers))
    names = list(numbers)
    closest = list(_closest(pairs, counts, len(numbers)))
    try:
        with atomic_path(path) as temporary, closing(sqlite3.connect(temporary)) as connection, connection:
            connection.executescript(_SCHEMA)
            connection.execute("INSERT INTO meta VALUES ('captions', ?)", (str(len(rows)),))
            connection.executemany("INSERT INTO tag VALUES (?, ?)", ((names[n], counts[n]) for n in frequent))
            connection.executemany(
                "INSERT INTO pair VALUES (?, ?, ?, ?)", ((names[a], names[b], c, s) for a, b, c, s in closest)
            )
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path}: cannot be written ({error}); the previous counts are unchanged") from None
    return Totals(len(rows), len(frequent), len(closest) // 2)


def _pairs(rows: Sequence[array[int]], frequent: set[int], size: int) -> Counter[int]:
    """Return how often two numbers share a row; the key of a pair is the smaller times ``size`` plus the larger."""
    pairs: Counter[int] = Counter()
    for row in rows:
        chosen = [number for number in row if number in frequent]
        pairs.update([a * size + b for a, b in combinations(chosen, 2)])
        if len(pairs) > _MOST_PAIRS:
            pairs = Counter({pair: count for pair, count in pairs.items() if count > 1})
    return pairs


def _closest(pairs: Counter[int], counts: Counter[int], size: int) -> Iterator[tuple[int, int, int, float]]:
    """Yield the closest pairs of each tag, in both directions."""
    of: dict[int, list[tuple[float, int, int]]] = {}
    for pair, count in pairs.items():
        if count >= LEAST:
            a, b = divmod(pair, size)
            score = count / math.sqrt(counts[a] * counts[b])
            of.setdefault(a, []).append((score, b, count))
            of.setdefault(b, []).append((score, a, count))
    for number, companions in of.items():
        for score, companion, count in sorted(companions, key=lambda pair: (-pair[0], pair[1]))[:MOST_KEPT]:
            yield number, companion, count, round(score, 6)
