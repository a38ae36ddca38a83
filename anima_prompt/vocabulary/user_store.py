"""The user's vocabulary on disk: imported lists, and the store that is built from them and the curated packs.

The store is derived: it can be deleted, and it is rebuilt whenever a pack or an import has changed. Every import is a
separate file, so that nothing has to be imported twice. Several processes may read and import at once: files are
written atomically, and the next reader rebuilds a store that lacks the import of a concurrent writer.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from anima_prompt.atomic import replace_file, temporary_path
from anima_prompt.errors import DataFileError, StoreError
from anima_prompt.numbers import counted
from anima_prompt.safe_paths import name_problem
from anima_prompt.vocabulary.cooccurrence import Cooccurrence, Totals, learn, open_cooccurrence
from anima_prompt.vocabulary.danbooru import is_dump, is_implications, read_dump, read_implications
from anima_prompt.vocabulary.generations import delete_older, following, newest
from anima_prompt.vocabulary.lists import CATEGORIES, TagList, read_list
from anima_prompt.vocabulary.overlay import apply, is_overlay, read_overlay
from anima_prompt.vocabulary.packs import OTHER_NAMES, PACKS, Entry, data_folder, read_packs
from anima_prompt.vocabulary.relations import read_relations
from anima_prompt.vocabulary.store import (
    SCHEMA_VERSION,
    BuildProgress,
    build,
    entries_where,
    ignore_progress,
    open_store,
    read_meta,
)

ENVIRONMENT = "ANIMA_PROMPT_DATA"
"""Environment variable that names another folder."""

_STORE, _LEARNED = "vocabulary", "learned"
_NUMBERS = {category: number for number, (category, _) in CATEGORIES.items()}


class OpenedStore(NamedTuple):
    """An open vocabulary store, co-occurrence counts of captions or None, and files of imported implications."""

    connection: sqlite3.Connection | None
    cooccurrence: Cooccurrence | None = None
    implications: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class UserStore:
    """A folder with ``imports/*.csv`` and the databases that are made of them and of captions."""

    folder: Path

    @classmethod
    def default(cls) -> UserStore:
        """Return the user's store: in the platform's data folder, or in the folder ``ANIMA_PROMPT_DATA``."""
        named = os.environ.get(ENVIRONMENT)
        if named:
            return cls(Path(named))
        from platformdirs import user_data_path

        return cls(user_data_path("anima-prompt", appauthor=False))

    @property
    def store(self) -> Path:
        """The file of the store; it does not exist before the first import."""
        return newest(self.folder, _STORE)

    @property
    def learned(self) -> Path:
        """The file of the co-occurrence counts; it does not exist before the first count."""
        return newest(self.folder, _LEARNED)

    def learn(self, captions: Iterable[Sequence[str]]) -> Totals:
        """Count the tags and pairs of captions, replacing the previous counts; see :func:`cooccurrence.learn`.

        Raises:
            StoreError: the folder or the disk cannot be written; the previous counts are unchanged.
        """
        path = following(self.folder, _LEARNED)
        totals = learn(captions, path)
        delete_older(path, _LEARNED)
        return totals

    def imports(self) -> list[Path]:
        """Return the imported lists in the order in which they apply: by name, later lists win."""
        return sorted((self.folder / "imports").glob("*.csv"))

    def add(
        self,
        path: Path,
        *,
        name: str | None = None,
        category: str | None = None,
        skip_bad: bool = False,
        on_progress: BuildProgress | None = None,
    ) -> TagList:
        """Import a list, under ``name`` (the file's name by default), replacing an earlier import of that name.

        The new store is built first; only then the list and the store are replaced.

        Raises:
            DataFileError: the file is unreadable, or has bad rows and ``skip_bad`` is False; the message lists all of
                them.
            StoreError: the folder or the disk cannot be written; the old vocabulary is unchanged.
        """
        if is_overlay(path):
            return self._add_overlay(path, name or path.stem)
        if is_implications(path):
            return self._add_implications(path, name or path.name.split(".")[0], skip_bad=skip_bad)
        tag_list = read_dump(path, self._known()) if is_dump(path) else read_list(path, category=category)
        _refuse(path, tag_list.bad_rows, skip_bad=skip_bad)
        target = self._target("imports", name or path.name.split(".")[0])
        other_imports = [file for file in self.imports() if file != target]
        written = self._written(target, tag_list.entries)
        fingerprint = self._digest({**_stats(other_imports), target.name: _stat(written)})
        try:
            merged = self._merged(other_imports, tag_list.entries)
            self._build(
                merged,
                fingerprint,
                before_rename=lambda: replace_file(written, target),
                on_progress=on_progress or ignore_progress,
            )
        finally:
            written.unlink(missing_ok=True)
        return tag_list

    def overlays(self) -> list[Path]:
        """Return the files of the user's changes, in the order in which they apply."""
        return sorted((self.folder / "overlays").glob("*.csv"))

    def _add_overlay(self, path: Path, name: str) -> TagList:
        """Import a file of changes; all of it is checked before anything is replaced."""
        changes = read_overlay(path)
        target = self._target("overlays", name)
        replace_file(self._write_temporary(target, path.read_text(encoding="utf-8-sig")), target)
        self.rebuild()
        return TagList((), (), extra=counted(len(changes), "change"))

    def implications(self) -> list[Path]:
        """Return the files of imported implications."""
        return sorted((self.folder / "relations").glob("*.csv"))

    def _add_implications(self, path: Path, name: str, *, skip_bad: bool) -> TagList:
        """Import implications, after checking that they contain no cycle."""
        pairs, bad = read_implications(path)
        _refuse(path, bad, skip_bad=skip_bad)
        if not pairs:
            raise DataFileError(f"{path}: contains no active implications; expected those of the Danbooru API")
        target = self._target("relations", name)
        rows = io.StringIO()
        csv.writer(rows, lineterminator="\n").writerows([("name", "implies"), *pairs])
        written = self._write_temporary(target, rows.getvalue())
        try:
            read_relations(data_folder(), [*(file for file in self.implications() if file != target), written])
            replace_file(written, target)
        finally:
            written.unlink(missing_ok=True)
        return TagList((), tuple(bad), extra=counted(len(pairs), "implication"))

    def _known(self) -> dict[str, Entry]:
        opened = self.open()
        if opened.connection is None:
            return {entry.name: entry for entry in read_packs(data_folder())}
        return {entry.name: entry for entry in entries_where(opened.connection, "1 = 1", ())}

    def remove(self, name: str) -> None:
        """Remove an imported list, or an overlay.

        Raises:
            StoreError: no import has that name.
        """
        everything = (*self.imports(), *self.overlays(), *self.implications())
        target = next((path for path in everything if path.stem.casefold() == name.casefold()), None)
        if target is None:
            known = ", ".join(path.stem for path in everything)
            hint = f"imported: {known}" if known else "no lists have been imported"
            raise StoreError(f"no import named '{name}'; {hint}")
        target.unlink()
        self.rebuild()

    def open(self) -> OpenedStore:
        """Return the open store, rebuilt if a pack or an import has changed.

        If it cannot be rebuilt (a read-only folder, a full disk), the old store is used; without an old store the
        connection is None, and only the packs are used.
        """
        connection: sqlite3.Connection | None = None
        try:
            connection = open_store(self.store)
            if read_meta(connection).get("fingerprint") == self.fingerprint():
                return self._opened(connection)
        except StoreError:
            connection = None
        try:
            self.rebuild()
            rebuilt = open_store(self.store)
        except StoreError:
            return OpenedStore(connection)
        if connection is not None:
            connection.close()
            delete_older(self.store, _STORE)
        return self._opened(rebuilt)

    def _opened(self, connection: sqlite3.Connection) -> OpenedStore:
        return OpenedStore(connection, open_cooccurrence(self.learned), tuple(self.implications()))

    def rebuild(self) -> int:
        """Build the store from the packs and the imports and return the number of entries.

        Raises:
            StoreError: the folder or the disk cannot be written.
        """
        imports = self.imports()
        fingerprint = self._digest(_stats(imports))
        return self._build(self._merged(imports), fingerprint)

    def _build(
        self,
        entries: Iterable[Entry],
        fingerprint: str,
        *,
        before_rename: Callable[[], object] | None = None,
        on_progress: BuildProgress = ignore_progress,
    ) -> int:
        path = following(self.folder, _STORE)
        count = build(path, entries, fingerprint=fingerprint, before_rename=before_rename, on_progress=on_progress)
        delete_older(path, _STORE)
        return count

    def _target(self, kind: str, name: str) -> Path:
        """Return the file of an import, or an earlier file whose name differs only in case.

        Raises:
            DataFileError: the name is not a valid file name on every system.
        """
        problem = name_problem(name)
        if problem:
            raise DataFileError(f"the import's name is '{name}', which {problem}; pass another name with --name")
        earlier = (path for path in (self.folder / kind).glob("*.csv") if path.stem.casefold() == name.casefold())
        return next(earlier, self.folder / kind / f"{name}.csv")

    def fingerprint(self) -> str:
        """Return a digest of the names, sizes and times of packs and imports; fast enough for every start.

        A store contains the digest of the files that it was built from, not of the files that exist when it is done: if
        another process adds a file in the meantime, the digests differ, and the store is rebuilt.
        """
        return self._digest(_stats(self.imports()))

    def _digest(self, imports: dict[str, tuple[int, int]]) -> str:
        packs = _stats([data_folder() / name for name in (OTHER_NAMES, *(pack.path for pack in PACKS))])
        own = sorted(_stats(self.overlays()).items())
        return hashlib.sha256(repr((SCHEMA_VERSION, packs, sorted(imports.items()), own)).encode()).hexdigest()

    def _merged(self, imports: list[Path], new: Iterable[Entry] = ()) -> list[Entry]:
        """Return one entry per name: imports in order, then the packs, which have more data than lists."""
        merged: dict[str, Entry] = {}
        for entries in (*(read_list(path).entries for path in imports), new):
            for entry in entries:
                before = merged.get(entry.name)
                own = () if before is None else before.aliases
                merged[entry.name] = (
                    replace(entry, aliases=tuple(dict.fromkeys((*entry.aliases, *own)))) if own else entry
                )
        for entry in read_packs(data_folder()):
            merged[entry.name] = _enriched(entry, merged.get(entry.name))
        for path in self.overlays():
            apply(read_overlay(path), merged)
        return list(merged.values())

    def _written(self, target: Path, entries: Iterable[Entry]) -> Path:
        """Write an import as a tagcomplete CSV to a temporary file next to its target; return the temporary path."""
        rows = io.StringIO()
        writer = csv.writer(rows, lineterminator="\n")
        writer.writerows([e.name, _NUMBERS[e.category], e.post_count, ",".join(e.aliases)] for e in entries)
        return self._write_temporary(target, rows.getvalue())

    def _write_temporary(self, target: Path, text: str) -> Path:
        """Write a text to a temporary file next to its target, and return the temporary path."""
        temporary = temporary_path(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise StoreError(f"{target}: cannot be written ({error}); the old vocabulary is unchanged") from None
        return temporary


def _refuse(path: Path, bad_rows: Sequence[str], *, skip_bad: bool) -> None:
    if bad_rows and not skip_bad:
        rows = "\n".join(f"{path}:{row}" for row in bad_rows)
        raise DataFileError(
            f"{rows}\n{path}: {counted(len(bad_rows), 'bad row')}; fix them, or skip them with --skip-bad"
        )


def _stats(files: Iterable[Path]) -> dict[str, tuple[int, int]]:
    return {file.name: _stat(file) for file in files}


def _stat(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns


def _enriched(packed: Entry, imported: Entry | None) -> Entry:
    """Return a pack's entry with the post count and additional aliases of an import; closed words stay unchanged."""
    if imported is None or packed.category == "closed":
        return packed
    aliases = tuple(dict.fromkeys((*packed.aliases, *imported.aliases)))
    return replace(packed, post_count=imported.post_count or packed.post_count, aliases=aliases)
