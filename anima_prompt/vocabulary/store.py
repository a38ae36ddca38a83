"""The vocabulary in one SQLite file: written beside and renamed, opened read-only, never half there.

Knows tables and how they are filled; :mod:`anima_prompt.vocabulary.search` asks the questions. Rows go in by falling
post count, so a lower id is a more common tag and no query has to sort more than a handful of rows.

Three indexes make look-ups cheap: ``form`` has every name and alias in order; ``prefix`` holds the best completions of
every prefix that has many; ``piece`` cuts a form into three parts, at least one of which survives two edits (the
pigeonhole principle of Li et al. 2011, PASS-JOIN).
"""

from __future__ import annotations

import sqlite3
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anima_prompt.atomic import atomic_path
from anima_prompt.errors import StoreError
from anima_prompt.names import QUALIFIER
from anima_prompt.sections import Section
from anima_prompt.vocabulary.packs import Category, Entry

SCHEMA_VERSION = 4
MANY_COMPLETIONS = 48
"""A prefix with more completions than this has its best ones stored; fewer are read from the index and sorted."""

BEST_COMPLETIONS = 24
_LONGEST_PREFIX = 24
FAR = range(4, 6)
"""Lengths of short forms that are cut into three parts as well, so that they are found with two edits too."""

FAR_PARTS = 3

_TABLES = """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE entry (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL, section TEXT NOT NULL,
        post_count INTEGER NOT NULL, aliases TEXT NOT NULL, grp TEXT NOT NULL, series TEXT NOT NULL,
        count TEXT NOT NULL, looks TEXT NOT NULL, write TEXT NOT NULL, recognised INTEGER NOT NULL,
        curated INTEGER NOT NULL, style TEXT NOT NULL, other_names TEXT NOT NULL, spelling TEXT NOT NULL
    );
    CREATE TABLE other (text TEXT NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (text, entry)) WITHOUT ROWID;
    CREATE TABLE form (id INTEGER PRIMARY KEY, text TEXT NOT NULL, entry INTEGER NOT NULL, is_alias INTEGER NOT NULL);
    CREATE TABLE qualifier (text TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE prefix (text TEXT NOT NULL, form INTEGER NOT NULL, PRIMARY KEY (text, form)) WITHOUT ROWID;
    CREATE TABLE piece (
        key TEXT NOT NULL, form INTEGER NOT NULL, text TEXT NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (key, form)
    ) WITHOUT ROWID;
    CREATE VIRTUAL TABLE trigram USING fts5 (
        text, content = 'form', content_rowid = 'id', tokenize = 'trigram', detail = 'none'
    );
"""
_INDEXES = """
    CREATE INDEX entry_name ON entry (name);
    CREATE INDEX entry_grp ON entry (grp) WHERE grp != '';
    CREATE INDEX entry_series ON entry (series) WHERE series != '';
    CREATE INDEX form_text ON form (text, entry, is_alias);
    INSERT INTO trigram (trigram) VALUES ('rebuild');
"""
_COLUMNS = (
    "name, category, section, post_count, aliases, grp, series, count, looks, write, recognised, curated, style, "
    "other_names, spelling"
)


@dataclass(frozen=True, slots=True)
class NamePart:
    """One part of a text: which of the parts it is, where it starts, and what it says."""

    index: int
    start: int
    text: str


def pieces(text: str, parts: int = 0) -> list[NamePart]:
    """Cut a text into parts as even as can be: three, or two below six characters, if nothing else is said.

    >>> [p.text for p in pieces("long_hair")], [p.text for p in pieces("cat")]
    (['lon', 'g_h', 'air'], ['c', 'at'])
    """
    parts = parts or parts_of(len(text))
    cuts = [len(text) * i // parts for i in range(parts + 1)]
    return [NamePart(i, cuts[i], text[cuts[i] : cuts[i + 1]]) for i in range(parts)]


def parts_of(length: int) -> int:
    """Return into how many parts a text of that length is cut; one fewer edits are tolerated."""
    return 3 if length >= 6 else 2


def piece_key(length: int, index: int, text: str, parts: int = 0) -> str:
    """Return the key under which a part of a form of that length is found."""
    return f"{length}.{index}.{text}" if parts in (0, parts_of(length)) else f"{length}/{parts}.{index}.{text}"


BuildProgress = Callable[[str, float], object]
"""Told what is being done, and which share of the whole is done, from 0 to 1."""


def silent(stage: str, share: float) -> None:
    """Tell nobody."""


class Connection(sqlite3.Connection):
    """A connection that may be asked for any text: SQLite takes no half of a surrogate pair, and no name holds one."""

    def execute(self, query: str, values: Any = (), /) -> sqlite3.Cursor:
        """Run a query; a value that is no text finds nothing."""
        try:
            return super().execute(query, values)
        except UnicodeEncodeError:
            return super().execute(query, [_storable(value) if isinstance(value, str) else value for value in values])


def _storable(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def build(
    path: Path,
    entries: Iterable[Entry],
    *,
    fingerprint: str = "",
    before_rename: Callable[[], object] | None = None,
    tell: BuildProgress = silent,
) -> int:
    """Write a store of ``entries`` to ``path`` and return how many there are.

    The file appears whole or not at all: it is written beside and renamed, so readers keep the old one until then, and
    of two writers the later one wins.

    Args:
        entries: one per name. An alias that is a name of its own is dropped: live tags are never shadowed.
        fingerprint: says what the store is built from; see :func:`read_meta`.
        before_rename: called when the store is filled and about to be put in place.
        tell: told how far it is.

    Raises:
        StoreError: the folder or the disk does not take it.
    """
    try:
        with atomic_path(path) as beside:
            with closing(sqlite3.connect(beside)) as connection:
                count = fill(connection, entries, fingerprint=fingerprint, tell=tell)
            if before_rename is not None:
                before_rename()
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path}: the vocabulary cannot be written ({error}); the old one is as it was") from None
    return count


def fill(
    connection: sqlite3.Connection, entries: Iterable[Entry], *, fingerprint: str = "", tell: BuildProgress = silent
) -> int:
    """Fill an empty database with ``entries`` and return how many there are."""
    ordered = sorted(entries, key=lambda e: (-e.post_count, e.name))
    names = {entry.name for entry in ordered}
    connection.executescript(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -64000;" + _TABLES
    )
    with connection:
        tell("names", 0.1)
        rows = ((i, *_row(entry)) for i, entry in enumerate(ordered))
        connection.executemany(f"INSERT INTO entry VALUES ({','.join('?' * 16)})", rows)  # noqa: S608  question marks alone
        tell("aliases", 0.25)
        others = ((text, i) for i, entry in enumerate(ordered) for text in entry.other_names)
        connection.executemany("INSERT OR IGNORE INTO other VALUES (?, ?)", others)
        forms = _forms(ordered, names)
        connection.executemany("INSERT INTO form VALUES (?, ?, ?, ?)", ((i, *form) for i, form in enumerate(forms)))
        tell("beginnings", 0.4)
        connection.executemany("INSERT INTO prefix VALUES (?, ?)", sorted(_prefixes([form[0] for form in forms])))
        tell("parts", 0.6)
        connection.executemany("INSERT INTO piece VALUES (?, ?, ?, ?)", _pieces(forms))
        connection.executemany("INSERT INTO qualifier VALUES (?)", sorted((q,) for q in qualifiers(ordered)))
        meta = {"schema": str(SCHEMA_VERSION), "fingerprint": fingerprint, "entries": str(len(ordered))}
        connection.executemany("INSERT INTO meta VALUES (?, ?)", sorted(meta.items()))
        tell("indexes", 0.85)
        connection.executescript(_INDEXES)
    connection.execute("PRAGMA synchronous = FULL")
    tell("done", 1.0)
    return len(ordered)


def qualifiers(entries: Iterable[Entry]) -> set[str]:
    """Return the words in parentheses that mark a name as a character's, and the names of series, which do so too."""
    found: set[str] = set()
    for entry in entries:
        if entry.section is Section.SERIES:
            found |= {entry.name, entry.name.removesuffix("_(series)")}
        elif entry.section is Section.CHARACTER:
            match = QUALIFIER.search(entry.name)
            found |= {match.group(1)} if match else set()
    return found


def open_store(path: Path) -> sqlite3.Connection:
    """Open a store for reading.

    Raises:
        StoreError: missing, damaged, or written by another version; says what to do.
    """
    if not path.is_file():
        raise StoreError(f"{path}: there is no vocabulary; run 'anima-prompt tags import' or use the curated packs")
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False, factory=Connection
        )
        version = read_meta(connection).get("schema")
    except sqlite3.Error as error:
        raise StoreError(f"{path}: the vocabulary is damaged ({error}); delete it and import again") from None
    if version != str(SCHEMA_VERSION):
        connection.close()
        raise StoreError(f"{path}: the vocabulary has version {version}, expected {SCHEMA_VERSION}; import again")
    return connection


def read_meta(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the notes of a store: ``schema``, ``fingerprint``, ``entries``."""
    return dict(connection.execute("SELECT key, value FROM meta"))


def entries_where(connection: sqlite3.Connection, condition: str, values: tuple[object, ...] = ()) -> Iterator[Entry]:
    """Yield entries by falling post count; ``condition`` is SQL of our own, never a user's."""
    query = f"SELECT {_COLUMNS} FROM entry WHERE {condition} ORDER BY id"  # noqa: S608  see the docstring
    return (_entry(row) for row in connection.execute(query, values))


def _row(entry: Entry) -> tuple[str | int, ...]:
    return (
        entry.name,
        entry.category,
        entry.section.value,
        entry.post_count,
        "|".join(entry.aliases),
        entry.group,
        entry.series,
        entry.count,
        "|".join(entry.looks),
        entry.write,
        int(entry.recognised),
        int(entry.curated),
        entry.style,
        "|".join(entry.other_names),
        entry.spelling,
    )


def _entry(row: tuple[str, Category, str, int, str, str, str, str, str, str, int, int, str, str, str]) -> Entry:
    name, category, section, post_count, aliases, group, series, count, looks, write, recognised, curated, *more = row
    style, other_names, spelling = more
    return Entry(
        name,
        category,
        Section(section),
        post_count,
        tuple(aliases.split("|")) if aliases else (),
        group,
        series,
        count,
        tuple(looks.split("|")) if looks else (),
        write,
        bool(recognised),
        bool(curated),
        style,
        tuple(other_names.split("|")) if other_names else (),
        spelling,
    )


def _forms(ordered: list[Entry], names: set[str]) -> list[tuple[str, int, int]]:
    """Return every spelling with its entry: names first where a name and its aliases are equally common."""
    forms: list[tuple[str, int, int]] = []
    taken = set(names)
    for number, entry in enumerate(ordered):
        forms.append((entry.name, number, 0))
        for alias in entry.aliases:
            if alias not in taken:
                taken.add(alias)
                forms.append((alias, number, 1))
    return forms


def _prefixes(texts: list[str]) -> Iterator[tuple[str, int]]:
    """Yield the best completions of every prefix that has many; texts come by falling rank.

    One length after the other, and only below prefixes that had many themselves: all prefixes of a million names would
    fill the memory.
    """
    active = array("I", range(len(texts)))
    for n in range(1, _LONGEST_PREFIX + 1):
        sizes = Counter(texts[number][:n] for number in active if n <= len(texts[number]))
        many = {start for start, size in sizes.items() if size > MANY_COMPLETIONS}
        stored: Counter[str] = Counter()
        deeper = array("I")
        for number in active:
            start = texts[number][:n]
            if len(start) < n or start not in many:
                continue
            deeper.append(number)
            if stored[start] < BEST_COMPLETIONS:
                stored[start] += 1
                yield start, number
        active = deeper


def _pieces(forms: list[tuple[str, int, int]]) -> Iterator[tuple[str, int, str, int]]:
    """Yield the parts of every form, sorted; one length after the other, since all at once would fill the memory.

    A part carries its form's text and entry: a typo has a thousand candidates, and looking each up would take longest.
    """
    of_length: dict[int, array[int]] = {}
    for number, (text, _, _) in enumerate(forms):
        of_length.setdefault(len(text), array("I")).append(number)
    for length in sorted(of_length, key=lambda length: f"{length}."):
        for parts in (parts_of(length), FAR_PARTS) if length in FAR else (parts_of(length),):
            keys = sorted(
                (piece_key(length, piece.index, piece.text, parts), number)
                for number in of_length[length]
                for piece in pieces(forms[number][0], parts)
            )
            yield from ((key, number, forms[number][0], forms[number][1]) for key, number in keys)
