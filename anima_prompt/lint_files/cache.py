"""What the linter has said before: diagnostics by the content of a prompt and everything that they depend on.

One SQLite file in the user's cache folder. A damaged or unwritable cache is no error, only slow.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from anima_prompt import __version__
from anima_prompt.diagnostics import Diagnostic, Edit, Fix, Severity
from anima_prompt.lint.config import Config
from anima_prompt.lint.document import Document
from anima_prompt.lint.rule import Rule
from anima_prompt.vocabulary.packs import data_folder
from anima_prompt.vocabulary.user_store import UserStore

_MOST_ROWS = 500_000


def setup_digest(config: Config, rules: Iterable[Rule]) -> str:
    """Return a digest of everything but the prompt: version, rules, choices, vocabulary and word rules."""
    files = sorted(data_folder().rglob("*.*"))
    stamps = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    chosen = (config.select, config.extend_select, config.ignore, config.severities, sorted(config.words))
    fixes = (config.extend_safe_fixes, config.extend_unsafe_fixes)
    codes = [(rule.code, rule.severity, repr(rule.check) if not rule.code.startswith("ANI") else "") for rule in rules]
    key = (__version__, chosen, fixes, codes, stamps, UserStore.default().fingerprint())
    return hashlib.blake2b(repr(key).encode(), digest_size=16).hexdigest()


def document_key(setup: str, document: Document) -> bytes:
    """Return the key of a prompt's diagnostics."""
    return hashlib.blake2b(f"{setup}{document!r}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Cache:
    """Diagnostics on disk; reads may come from several processes, writes from one at a time."""

    def __init__(self, path: Path) -> None:
        """Open the file, or do without it."""
        self._connection: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=5)
            connection.execute(
                "CREATE TABLE IF NOT EXISTS said (key BLOB PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID"
            )
            self._connection = connection
        except (OSError, sqlite3.Error):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    @classmethod
    def default(cls) -> Cache:
        """Return the cache of the user's library folder."""
        return cls(UserStore.default().folder / "cache" / "lint.sqlite")

    def get(self, key: bytes) -> list[Diagnostic] | None:
        """Return what was said, or None."""
        if self._connection is None:
            return None
        try:
            row = self._connection.execute("SELECT text FROM said WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error:
            return None
        return None if row is None else [_diagnostic(item) for item in json.loads(row[0])]

    def put(self, said: dict[bytes, list[Diagnostic]]) -> None:
        """Remember what was said. Beyond half a million prompts the cache starts anew."""
        if self._connection is None or not said:
            return
        rows = [(key, json.dumps([_plain(d) for d in found], ensure_ascii=False)) for key, found in said.items()]
        try:
            with self._connection:
                (count,) = self._connection.execute("SELECT count(*) FROM said").fetchone()
                if count + len(rows) > _MOST_ROWS:
                    self._connection.execute("DELETE FROM said")
                self._connection.executemany("INSERT OR REPLACE INTO said VALUES (?, ?)", rows)
        except sqlite3.Error:
            self._connection = None


def _plain(d: Diagnostic) -> list[object]:
    fixes = [[fix.safe, [[e.start, e.end, e.text, e.part] for e in fix.edits]] for fix in d.fixes]
    return [d.name, d.severity.value, d.start, d.end, d.message, d.code, fixes, d.part]


def _diagnostic(row: list[object]) -> Diagnostic:
    name, severity, start, end, message, code, fixes, part = row
    made = tuple(Fix(tuple(Edit(*edit) for edit in edits), safe) for safe, edits in fixes)  # type: ignore[attr-defined]
    return Diagnostic(name, Severity(severity), start, end, message, code, made, part)  # type: ignore[arg-type]
