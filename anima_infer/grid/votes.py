"""Votes on pairs of pictures, in a SQLite file in the grid's folder. Needs no tensors.

A vote is on the disk before the voter sees the next pair; undone votes stay in the file, marked.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from anima_infer.errors import GridError
from anima_infer.grid.folder import VOTES, Grid, ShownCell

ONE, OTHER, TIE, BAD = "one", "other", "tie", "bad"
CHOICES = (ONE, OTHER, TIE, BAD)
MOST_NAME = 40

_SCHEMA = """
CREATE TABLE IF NOT EXISTS votes (
    id INTEGER PRIMARY KEY,
    voter TEXT NOT NULL,
    axis TEXT NOT NULL,
    one TEXT NOT NULL,
    other TEXT NOT NULL,
    one_label TEXT NOT NULL,
    other_label TEXT NOT NULL,
    choice TEXT NOT NULL CHECK (choice IN ('one', 'other', 'tie', 'bad')),
    one_was_left INTEGER NOT NULL,
    seconds REAL,
    at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    undone INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS one_vote ON votes (voter, axis, one, other) WHERE undone = 0;
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures that differ in one value, with the same seed."""

    axis: str
    one: ShownCell
    other: ShownCell
    one_label: str
    other_label: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from other pairs."""
        return self.axis, self.one.key, self.other.key


@dataclass(frozen=True, slots=True)
class Vote:
    """One vote: who, on what, and which was better."""

    voter: str
    axis: str
    one: str
    other: str
    one_label: str
    other_label: str
    choice: str


def pairs_of(grid: Grid, axis: str | None = None) -> list[Pair]:
    """Return the pairs that can be voted on: both pictures are there, and they are not the same one.

    Args:
        grid: with finished pictures.
        axis: this axis alone; all but seeds by default.

    Raises:
        GridError: no such axis.
    """
    chosen = [grid.axis_index(axis)] if axis is not None else range(len(grid.axes))
    found = []
    for number in chosen:
        shown = grid.axes[number]
        if shown.kind == "seed":
            continue
        groups: dict[tuple[int, ...], list[ShownCell]] = {}
        for cell in grid.cells:
            if cell.done and grid.picture(cell).is_file():
                groups.setdefault((*cell.index[:number], *cell.index[number + 1 :]), []).append(cell)
        for cells in groups.values():
            found += [
                Pair(shown.name, one, other, shown.labels[one.index[number]], shown.labels[other.index[number]])
                for place, one in enumerate(cells)
                for other in cells[place + 1 :]
                if one.key != other.key
            ]
    return list({pair.key: pair for pair in found}.values())


def in_turn(pairs: Sequence[Pair], voter: str) -> list[tuple[Pair, bool]]:
    """Return pairs in a voter's own order, each with whether the first picture stands on the left."""
    source = random.Random(f"order of {voter}")  # noqa: S311  no secret
    shuffled = list(pairs)
    source.shuffle(shuffled)
    return [(pair, source.random() < 0.5) for pair in shuffled]


class Votes:
    """The votes of a grid's folder. Safe with several processes and threads: each call opens the file anew."""

    def __init__(self, folder: Path) -> None:
        """Open or make the file.

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

    def add(self, pair: Pair, choice: str, *, voter: str, one_was_left: bool, seconds: float | None = None) -> bool:
        """Record a vote; False if this voter has voted on the pair already."""
        row = (voter, *pair.key, pair.one_label, pair.other_label, choice, one_was_left, seconds)
        try:
            with self._open() as store:
                store.execute(
                    "INSERT INTO votes (voter, axis, one, other, one_label, other_label, choice, one_was_left, seconds)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
        except sqlite3.IntegrityError:
            return False
        return True

    def undo(self, voter: str) -> bool:
        """Mark a voter's last vote as undone; False if there is none."""
        with self._open() as store:
            last = store.execute("SELECT max(id) FROM votes WHERE voter = ? AND undone = 0", (voter,)).fetchone()[0]
            if last is not None:
                store.execute("UPDATE votes SET undone = 1 WHERE id = ?", (last,))
        return last is not None

    def all(self) -> list[Vote]:
        """Return the votes that count, in order."""
        with self._open() as store:
            rows = store.execute(
                "SELECT voter, axis, one, other, one_label, other_label, choice FROM votes WHERE undone = 0 ORDER BY id"
            ).fetchall()
        return [Vote(*row) for row in rows]

    def done_by(self, voter: str) -> set[tuple[str, str, str]]:
        """Return the keys of the pairs that a voter has voted on."""
        with self._open() as store:
            rows = store.execute("SELECT axis, one, other FROM votes WHERE voter = ? AND undone = 0", (voter,))
            return {(axis, one, other) for axis, one, other in rows}
