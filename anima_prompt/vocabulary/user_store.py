"""The user's vocabulary on disk: imported lists, and the store that is built from them and the curated packs.

The store is derived: it can be deleted, and it is built again whenever a pack or an import has changed. Every import
is kept as a file of its own, so nothing has to be imported twice. Several processes may read and import at once: files
appear whole, and whoever opens next rebuilds what two writers have missed of each other.
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
from anima_prompt.vocabulary.cooccurrence import Cooccurrence, Lesson, learn, open_cooccurrence
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
    open_store,
    read_meta,
    silent,
)

ENVIRONMENT = "ANIMA_PROMPT_DATA"
"""Environment variable that names another folder."""

_STORE, _LEARNED = "vocabulary", "learned"
_NUMBERS = {category: number for number, (category, _) in CATEGORIES.items()}


class OpenedStore(NamedTuple):
    """An open vocabulary store, co-occurrence counts if captions were read, and files of imported implications."""

    connection: sqlite3.Connection | None
    cooccurrence: Cooccurrence | None = None
    implications: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class UserStore:
    """A folder with ``imports/*.csv`` and the databases that are made of them and of captions."""

    folder: Path

    @classmethod
    def default(cls) -> UserStore:
        """Return the user's library: the platform's data folder, or the one that ``ANIMA_PROMPT_DATA`` names."""
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
        """The file of the counts of captions; it does not exist before the first count."""
        return newest(self.folder, _LEARNED)

    def learn(self, captions: Iterable[Sequence[str]]) -> Lesson:
        """Count captions' tags and pairs, in the place of what was learnt before; see :func:`cooccurrence.learn`.

        Raises:
            StoreError: the folder or the disk does not take it; the old counts still answer.
        """
        path = following(self.folder, _LEARNED)
        lesson = learn(captions, path)
        delete_older(path, _LEARNED)
        return lesson

    def imports(self) -> list[Path]:
        """Return the imported lists, in the order in which they apply: by name, later ones win."""
        return sorted((self.folder / "imports").glob("*.csv"))

    def has_imports(self) -> bool:
        """Whether anything was imported."""
        return bool(self.imports())

    def add(
        self,
        path: Path,
        *,
        name: str | None = None,
        category: str | None = None,
        skip_bad: bool = False,
        tell: BuildProgress | None = None,
    ) -> TagList:
        """Import a list, under ``name`` (the file's name by default), replacing an earlier import of that name.

        The new store is built first; only then are the list and the store put in place.

        Raises:
            DataFileError: the file is unreadable, or has bad rows and ``skip_bad`` is not given; all of them are named.
            StoreError: the folder or the disk does not take it; the old vocabulary still answers.
        """
        if is_overlay(path):
            return self._add_overlay(path, name or path.stem)
        if is_implications(path):
            return self._add_implications(path, name or path.name.split(".")[0], skip_bad=skip_bad)
        found = read_dump(path, self._known()) if is_dump(path) else read_list(path, category=category)
        _refuse(path, found.bad_rows, skip_bad=skip_bad)
        target = self._target("imports", name or path.name.split(".")[0])
        others = [other for other in self.imports() if other != target]
        kept = self._written(target, found.entries)
        fingerprint = self._digest({**_stats(others), target.name: _stat(kept)})
        try:
            merged = self._merged(others, found.entries)
            self._build(merged, fingerprint, before_rename=lambda: replace_file(kept, target), tell=tell or silent)
        finally:
            kept.unlink(missing_ok=True)
        return found

    def overlays(self) -> list[Path]:
        """Return the user's own changes, in the order in which they apply."""
        return sorted((self.folder / "overlays").glob("*.csv"))

    def _add_overlay(self, path: Path, name: str) -> TagList:
        """Take a file of changes; it is checked whole before anything is replaced."""
        changes = read_overlay(path)
        target = self._target("overlays", name)
        replace_file(self._beside(target, path.read_text(encoding="utf-8-sig")), target)
        self.rebuild()
        return TagList((), (), others=counted(len(changes), "change"))

    def implications(self) -> list[Path]:
        """Return the implications that were imported."""
        return sorted((self.folder / "relations").glob("*.csv"))

    def _add_implications(self, path: Path, name: str, *, skip_bad: bool) -> TagList:
        """Take implications; they are put in place when it is sure that they run in no circle."""
        pairs, bad = read_implications(path)
        _refuse(path, bad, skip_bad=skip_bad)
        if not pairs:
            raise DataFileError(f"{path}: contains no active implications; give those of the Danbooru API")
        target = self._target("relations", name)
        rows = io.StringIO()
        csv.writer(rows, lineterminator="\n").writerows([("name", "implies"), *pairs])
        kept = self._beside(target, rows.getvalue())
        try:
            read_relations(data_folder(), [*(other for other in self.implications() if other != target), kept])
            replace_file(kept, target)
        finally:
            kept.unlink(missing_ok=True)
        return TagList((), tuple(bad), others=counted(len(pairs), "implication"))

    def _known(self) -> dict[str, Entry]:
        opened = self.open()
        if opened.connection is None:
            return {entry.name: entry for entry in read_packs(data_folder())}
        return {entry.name: entry for entry in entries_where(opened.connection, "1 = 1", ())}

    def remove(self, name: str) -> None:
        """Forget an imported list, or an overlay.

        Raises:
            StoreError: there is none of that name.
        """
        everything = (*self.imports(), *self.overlays(), *self.implications())
        target = next((path for path in everything if path.stem.casefold() == name.casefold()), None)
        if target is None:
            known = ", ".join(path.stem for path in everything)
            hint = f"imported: {known}" if known else "no lists have been imported"
            raise StoreError(f"no import is named '{name}'; {hint}")
        target.unlink()
        self.rebuild()

    def open(self) -> OpenedStore:
        """Return the open store, built anew if a pack or an import has changed since.

        If that cannot be done (a read-only folder, a full disk), the store as it is answers; without one there is no
        connection, and the packs answer.
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
            StoreError: the folder or the disk does not take it.
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
        tell: BuildProgress = silent,
    ) -> int:
        path = following(self.folder, _STORE)
        count = build(path, entries, fingerprint=fingerprint, before_rename=before_rename, tell=tell)
        delete_older(path, _STORE)
        return count

    def _target(self, kind: str, name: str) -> Path:
        """Return the file of an import: the earlier one's if the names differ in case only, as some systems do not.

        Raises:
            DataFileError: no file can have the name on every system.
        """
        problem = name_problem(name)
        if problem:
            raise DataFileError(f"the import's name is '{name}', which {problem}; give another one with --name")
        earlier = (path for path in (self.folder / kind).glob("*.csv") if path.stem.casefold() == name.casefold())
        return next(earlier, self.folder / kind / f"{name}.csv")

    def fingerprint(self) -> str:
        """Return a digest of the packs' and imports' names, sizes and times; cheap enough for every start.

        A store carries the digest of the files that went into it, and not of those that lie there when it is done: what
        another process has added meanwhile makes the two differ, and the store is rebuilt.
        """
        return self._digest(_stats(self.imports()))

    def _digest(self, imports: dict[str, tuple[int, int]]) -> str:
        packs = _stats([data_folder() / name for name in (OTHER_NAMES, *(pack.path for pack in PACKS))])
        own = sorted(_stats(self.overlays()).items())
        return hashlib.sha256(repr((SCHEMA_VERSION, packs, sorted(imports.items()), own)).encode()).hexdigest()

    def _merged(self, imports: list[Path], new: Iterable[Entry] = ()) -> list[Entry]:
        """Return one entry per name: imports in order, then the packs, which know more of a tag than any list."""
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
        """Write an import in the plain form, beside where it belongs, and return where."""
        rows = io.StringIO()
        writer = csv.writer(rows, lineterminator="\n")
        writer.writerows([e.name, _NUMBERS[e.category], e.post_count, ",".join(e.aliases)] for e in entries)
        return self._beside(target, rows.getvalue())

    def _beside(self, target: Path, text: str) -> Path:
        """Write a text beside where it belongs, and return where."""
        beside = temporary_path(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise StoreError(f"{target}: cannot be written ({error}); the old vocabulary is as it was") from None
        return beside


def _refuse(path: Path, bad_rows: Sequence[str], *, skip_bad: bool) -> None:
    if bad_rows and not skip_bad:
        rows = "\n".join(f"{path}:{row}" for row in bad_rows)
        raise DataFileError(
            f"{rows}\n{path}: {counted(len(bad_rows), 'bad row')}; fix them, or leave them out with --skip-bad"
        )


def _stats(files: Iterable[Path]) -> dict[str, tuple[int, int]]:
    return {file.name: _stat(file) for file in files}


def _stat(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def _enriched(packed: Entry, imported: Entry | None) -> Entry:
    """Return a pack's entry with an import's count and further aliases; closed words stay as they are."""
    if imported is None or packed.category == "closed":
        return packed
    aliases = tuple(dict.fromkeys((*packed.aliases, *imported.aliases)))
    return replace(packed, post_count=imported.post_count or packed.post_count, aliases=aliases)
