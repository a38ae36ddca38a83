"""Votes on pairs of images, in a SQLite file in the grid's folder.

A vote is on the disk before the voter sees the next pair; undone votes stay in the file, marked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from anima_infer.errors import GridError
from anima_infer.grid.store.files import VOTES
from anima_infer.grid.votes.pairs import Pair

FIRST, SECOND, TIE, BAD = "first", "second", "tie", "bad"


MOST_NAME = 40
"""Characters of a voter's name."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS votes (
    id INTEGER PRIMARY KEY,
    voter TEXT NOT NULL,
    axis TEXT NOT NULL,
    first TEXT NOT NULL,
    second TEXT NOT NULL,
    first_label TEXT NOT NULL,
    second_label TEXT NOT NULL,
    choice TEXT NOT NULL CHECK (choice IN ('first', 'second', 'tie', 'bad')),
    first_was_left INTEGER NOT NULL,
    seconds REAL,
    at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    undone INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS single_vote ON votes (voter, axis, first, second) WHERE undone = 0;
"""


@dataclass(frozen=True, slots=True)
class Vote:
    """A vote: voter, pair, and which image is better.

    ``first`` and ``second`` are keys of images; ``choice`` is ``FIRST``, ``SECOND``, ``TIE`` or ``BAD``.
    """

    voter: str
    axis: str
    first: str
    second: str
    first_label: str
    second_label: str
    choice: str


class Votes:
    """The votes of a grid. Safe with several processes and threads: each call opens the file."""

    def __init__(self, folder: Path) -> None:
        """Open the file; it is created if it does not exist.

        Raises:
            GridError: it cannot be read or written.
        """
        self.path = folder / VOTES
        with self._open() as store:
            store.executescript(_SCHEMA)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            store = sqlite3.connect(self.path, timeout=10)
            try:
                store.execute("PRAGMA synchronous = FULL")
                with store:
                    yield store
            finally:
                store.close()
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise GridError(f"{self.path}: cannot be used ({error}); free some space, or move the file away") from None

    def add(self, pair: Pair, choice: str, *, voter: str, first_was_left: bool, seconds: float | None = None) -> bool:
        """Record a vote; return False if this voter has already voted on the pair."""
        row = (voter, *pair.key, pair.first_label, pair.second_label, choice, first_was_left, seconds)
        try:
            with self._open() as store:
                store.execute(
                    "INSERT INTO votes (voter, axis, first, second, first_label, second_label, choice, first_was_left,"
                    " seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
        except sqlite3.IntegrityError:
            return False
        return True

    def undo(self, voter: str) -> bool:
        """Mark a voter's last vote as undone; return False if there is none."""
        with self._open() as store:
            last = store.execute("SELECT max(id) FROM votes WHERE voter = ? AND undone = 0", (voter,)).fetchone()[0]
            if last is not None:
                store.execute("UPDATE votes SET undone = 1 WHERE id = ?", (last,))
        return last is not None

    def all(self) -> list[Vote]:
        """Return the votes that are not undone, in order."""
        with self._open() as store:
            rows = store.execute(
                "SELECT voter, axis, first, second, first_label, second_label, choice FROM votes"
                " WHERE undone = 0 ORDER BY id"
            ).fetchall()
        return [Vote(*row) for row in rows]

    def pairs_voted_by(self, voter: str) -> set[tuple[str, str, str]]:
        """Return the keys of the pairs that a voter has voted on."""
        with self._open() as store:
            rows = store.execute("SELECT axis, first, second FROM votes WHERE voter = ? AND undone = 0", (voter,))
            return {(axis, first, second) for axis, first, second in rows}
