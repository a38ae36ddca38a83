"""Which tags go together, learnt from a folder of captions, in one SQLite file.

Knows names and counts; knows nothing of files of captions. The score of two tags is the share of their posts that they
have in common: common posts divided by the geometric mean of both counts (cosine, 0 to 1).
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
"""Captions that a tag, and a pair, must be in; pairs that are kept of a tag, the closest ones."""
_MOST_PAIRS = 6_000_000
"""Pairs held in memory; beyond, those seen once are dropped, which may lose rare pairs of very large folders."""
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tag (name TEXT PRIMARY KEY, captions INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE pair (name TEXT, other TEXT, captions INTEGER NOT NULL, score REAL NOT NULL, PRIMARY KEY (name, other))
WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Related:
    """A tag that goes with another one: in how many captions together, and the score from 0 to 1."""

    name: str
    captions: int
    score: float


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learnt: captions read, tags and pairs kept."""

    captions: int
    tags: int
    pairs: int


class Cooccurrence:
    """Counts in a file, read when they are asked for."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Hold an open file; :func:`open_cooccurrence` opens one."""
        self._connection = connection

    def related(self, name: str, *, limit: int = 20) -> list[Related]:
        """Return the tags that go with one, the closest first."""
        rows = self._connection.execute(
            "SELECT other, captions, score FROM pair WHERE name = ? ORDER BY score DESC, other LIMIT ?", (name, limit)
        )
        return [Related(*row) for row in rows]

    def affinity(self, name: str, beside: Iterable[str]) -> float:
        """Return how well a tag goes with others: the sum of its scores with them."""
        total = 0.0
        for other in beside:
            row = self._connection.execute(
                "SELECT score FROM pair WHERE (name = ? AND other = ?) OR (name = ? AND other = ?)",
                (name, other, other, name),
            ).fetchone()
            total += row[0] if row else 0.0
        return total

    def captions(self) -> int:
        """Return how many captions were read."""
        return int(self._connection.execute("SELECT value FROM meta WHERE key = 'captions'").fetchone()[0])


def open_cooccurrence(path: Path) -> Cooccurrence | None:
    """Return what was learnt, or None where there is nothing, or nothing readable."""
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


def learn(captions: Iterable[Sequence[str]], path: Path) -> Lesson:
    """Count captions' tags and pairs and write them, in the place of what was learnt before.

    Args:
        captions: names of the tags of each caption.
        path: file to write, whole or not at all.

    Raises:
        StoreError: the disk does not take it.
    """
    numbers: dict[str, int] = {}
    rows: list[array[int]] = []
    for tags in captions:  # a comprehension would hide that numbers grows
        row = sorted({numbers.setdefault(name, len(numbers)) for name in tags})
        rows.append(array("I", row))
    counts = Counter(number for row in rows for number in row)
    kept = {number for number, count in counts.items() if count >= LEAST}
    pairs = _pairs(rows, kept, len(numbers))
    names = list(numbers)
    closest = list(_closest(pairs, counts, len(numbers)))
    try:
        with atomic_path(path) as beside, closing(sqlite3.connect(beside)) as connection, connection:
            connection.executescript(_SCHEMA)
            connection.execute("INSERT INTO meta VALUES ('captions', ?)", (str(len(rows)),))
            connection.executemany("INSERT INTO tag VALUES (?, ?)", ((names[n], counts[n]) for n in kept))
            connection.executemany(
                "INSERT INTO pair VALUES (?, ?, ?, ?)", ((names[a], names[b], c, s) for a, b, c, s in closest)
            )
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path}: cannot be written ({error}); what was learnt before is as it was") from None
    return Lesson(len(rows), len(kept), len(closest) // 2)


def _pairs(rows: Sequence[array[int]], kept: set[int], size: int) -> Counter[int]:
    """Return how often two numbers are in one row; a pair is one number, the smaller times ``size`` plus the other."""
    pairs: Counter[int] = Counter()
    for row in rows:
        chosen = [number for number in row if number in kept]
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
    for number, others in of.items():
        for score, other, count in sorted(others, key=lambda one: (-one[0], one[1]))[:MOST_KEPT]:
            yield number, other, count, round(score, 6)
