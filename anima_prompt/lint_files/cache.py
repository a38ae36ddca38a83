"""Cached results: diagnostics on disk, by the digest of everything that they depend on (:mod:`cache_key`).

One SQLite file in the user's data folder. A damaged, locked or read-only cache never changes a result
and never stops a run: the rules run instead, and ``problem`` is the reason in one line.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import suppress
from pathlib import Path

from anima_prompt.diagnostics import Diagnostic, Edit, Fix, Severity
from anima_prompt.vocabulary.user_store import UserStore

_MOST_ROWS = 500_000
_MOST_DIAGNOSTICS = 2_000
"""Results with more diagnostics are not cached: they are rare, and reading them takes as long as linting."""

_TABLE = """
CREATE TABLE IF NOT EXISTS result (key BLOB PRIMARY KEY, digest BLOB NOT NULL, text TEXT NOT NULL) WITHOUT ROWID
"""
_SECONDS = 5.0


class ResultCache:
    """Diagnostics on disk; several processes may read and write at once.

    Attributes:
        problem: reason why the cache cannot be used, in one line, or empty.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or continue without a cache; a damaged file is deleted and recreated."""
        self.path = path
        self.problem = ""
        self._connection: sqlite3.Connection | None = None
        try:
            self._open()
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    @classmethod
    def default(cls) -> ResultCache:
        """Return the cache in the user's data folder."""
        return cls(UserStore.default().folder / "cache" / "lint.sqlite")

    def get(self, key: bytes) -> list[Diagnostic] | None:
        """Return the diagnostics stored for a key, or None."""
        if self._connection is None:
            return None
        try:
            row = self._connection.execute("SELECT digest, text FROM result WHERE key = ?", (key,)).fetchone()
            if row is None or row[0] != _digest(row[1]):
                return None
            return [_diagnostic(item) for item in json.loads(row[1])]
        except (sqlite3.Error, ValueError, TypeError, KeyError) as error:
            self._give_up(error)
            return None

    def put(self, results: dict[bytes, list[Diagnostic]]) -> None:
        """Store diagnostics by key. Beyond half a million prompts the cache is emptied."""
        if self._connection is None:
            return
        rows = []
        for key, diagnostics in results.items():
            if len(diagnostics) <= _MOST_DIAGNOSTICS:
                text = json.dumps([_plain(d) for d in diagnostics])
                rows.append((key, _digest(text), text))
        if not rows:
            return
        try:
            with self._connection:
                (count,) = self._connection.execute("SELECT count(*) FROM result").fetchone()
                if count + len(rows) > _MOST_ROWS:
                    self._connection.execute("DELETE FROM result")
                self._connection.executemany("INSERT OR REPLACE INTO result VALUES (?, ?, ?)", rows)
        except sqlite3.Error as error:
            self._give_up(error)

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and not self.path.is_file():
            raise OSError("is not a regular file")
        try:
            self._connection = _connected(self.path)
        except sqlite3.OperationalError:  # locked, read-only, full: the file itself may be sound
            raise
        except sqlite3.DatabaseError:
            self.path.unlink(missing_ok=True)
            self._connection = _connected(self.path)

    def _give_up(self, error: Exception) -> None:
        """Continue without the cache; a damaged file is deleted, so that the next run creates a new file."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
        if not self.problem:
            reason = getattr(error, "strerror", None) or str(error)
            self.problem = f"{self.path}: cannot be used as the cache ({reason}); pass --no-cache to silence this"


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_SECONDS)
    try:
        connection.execute(_TABLE)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _digest(text: str) -> bytes:
    """Return the digest of a stored text: SQLite detects damaged pages, but not changed bytes in a text."""
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def _plain(d: Diagnostic) -> list[object]:
    fixes = [[fix.safe, [[e.start, e.end, e.text, e.part] for e in fix.edits]] for fix in d.fixes]
    return [d.name, d.severity.value, d.start, d.end, d.message, d.code, fixes, d.part]


def _diagnostic(row: list[object]) -> Diagnostic:
    name, severity, start, end, message, code, fixes, part = row
    restored = tuple(Fix(tuple(Edit(*edit) for edit in edits), safe) for safe, edits in fixes)  # type: ignore[attr-defined]
    return Diagnostic(name, Severity(severity), start, end, message, code, restored, part)  # type: ignore[arg-type]
