"""Cached results: diagnostics on disk, by the digest of everything that they depend on (:mod:`cache_key`).

One SQLite file in the user's data folder. A damaged, locked or read-only cache never changes a result
and never stops a run: the rules run instead, and ``problem`` is the reason in one line.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
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
_ASKED = 400
"""Keys in one question: SQLite allows 999 variables in old versions."""


class TextCache:
    """Texts on disk by key; several processes may read and write at once.

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

    def get_texts(self, keys: Sequence[bytes]) -> dict[bytes, str]:
        """Return the texts that are stored for some keys."""
        found: dict[bytes, str] = {}
        for first in range(0, len(keys), _ASKED):
            if self._connection is None:
                break
            some = keys[first : first + _ASKED]
            marks = ",".join("?" * len(some))
            try:
                rows = self._connection.execute(f"SELECT key, digest, text FROM result WHERE key IN ({marks})", some)  # noqa: S608  marks alone
                found |= {key: text for key, digest, text in rows if digest == _digest(text)}
            except sqlite3.Error as error:
                self._give_up(error)
        return found

    def put_texts(self, texts: dict[bytes, str]) -> None:
        """Store texts by key. Beyond half a million rows the cache starts anew."""
        if self._connection is None or not texts:
            return
        rows = [(key, _digest(text), text) for key, text in texts.items()]
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


class ResultCache(TextCache):
    """Diagnostics on disk."""

    @classmethod
    def default(cls) -> ResultCache:
        """Return the cache in the user's data folder."""
        return cls(UserStore.default().folder / "cache" / "lint.sqlite")

    def get(self, key: bytes) -> list[Diagnostic] | None:
        """Return the diagnostics stored for a key, or None."""
        text = self.get_texts([key]).get(key)
        if text is None:
            return None
        try:
            return diagnostics_from(text)
        except (ValueError, TypeError, KeyError) as error:
            self._give_up(error)
            return None

    def put(self, results: dict[bytes, list[Diagnostic]]) -> None:
        """Store diagnostics by key."""
        self.put_texts({key: to_text(found) for key, found in results.items() if len(found) <= _MOST_DIAGNOSTICS})


def to_text(diagnostics: Iterable[Diagnostic]) -> str:
    """Return diagnostics as a text for the cache."""
    return json.dumps([_plain(d) for d in diagnostics])


def diagnostics_from(text: str) -> list[Diagnostic]:
    """Return the diagnostics of a text that :func:`to_text` made."""
    return [_diagnostic(item) for item in json.loads(text)]


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
