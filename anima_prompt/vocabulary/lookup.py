"""The vocabulary: names, aliases and the sections they stand in, and the questions that people and programs ask.

Two homes, one behaviour: entries in memory (the curated packs, tests, notebooks), or a store on disk with whatever the
user imported. Exact look-ups are answered from a dictionary once they have been asked; searches go to SQLite in both.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from anima_prompt.errors import InputError
from anima_prompt.extras import package_error
from anima_prompt.names import QUALIFIER, artist_name, is_artist, text_to_name
from anima_prompt.sections import Section
from anima_prompt.vocabulary.packs import Entry, data_folder, read_packs

if TYPE_CHECKING:
    import pandas as pd

    from anima_prompt.vocabulary.cooccurrence import Cooccurrence, Related
    from anima_prompt.vocabulary.relations import Conflict, Relations
    from anima_prompt.vocabulary.search import Match
    from anima_prompt.vocabulary.user_store import UserStore

_YEAR = re.compile(r"year_\d{4}")
_REMEMBERED = 50_000


class Named(Protocol):
    """A tag of a prompt."""

    @property
    def name(self) -> str:
        """The canonical name."""
        ...


@runtime_checkable
class HasTags(Protocol):
    """A prompt, as far as its tags go."""

    def tags(self) -> Iterator[tuple[Section, Named]]:
        """Yield sections and tags."""
        ...


class Vocabulary:
    """A read-only table of entries, looked up by name, alias or prompt text."""

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        *,
        connection: sqlite3.Connection | None = None,
        learned: Cooccurrence | None = None,
        implications: Sequence[Path] = (),
    ) -> None:
        """Hold ``entries`` in memory, or answer from an open store (see :mod:`anima_prompt.vocabulary.user_store`).

        ``learned`` is what was learnt from captions: which tags go together. ``implications`` are files of the user's,
        beside those of the packs.
        """
        self._connection = connection
        self._learned = learned
        self._implications = tuple(implications)
        self._entries: dict[str, Entry] = {}
        self._aliases: dict[str, str] = {}
        self._absent: set[str] = set()
        for entry in entries:
            self._entries[entry.name] = entry
        for entry in self._entries.values():
            for alias in entry.aliases:
                self._aliases.setdefault(alias, entry.name)

    @classmethod
    def from_folder(cls, folder: Path) -> Vocabulary:
        """Read the packs under ``folder`` into memory.

        Raises:
            DataFileError: a pack is missing or has bad rows.
        """
        return cls(read_packs(folder))

    @classmethod
    def default(cls) -> Vocabulary:
        """Return the user's vocabulary: the curated packs, and what was imported. Opened once per process.

        >>> Vocabulary.default().lookup("hatsune_miku").series
        'vocaloid'
        """
        return _default()

    @classmethod
    def from_store(cls, store: UserStore) -> Vocabulary:
        """Return the vocabulary of a store on disk, built anew if a pack or an import has changed since."""
        opened = store.open()
        if opened.connection is None:
            return cls.from_folder(data_folder())
        return cls(connection=opened.connection, learned=opened.cooccurrence, implications=opened.implications)

    def __len__(self) -> int:
        if self._connection is None:
            return len(self._entries)
        return int(self._connection.execute("SELECT count(*) FROM entry").fetchone()[0])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.lookup(name) is not None

    def lookup(self, name: str) -> Entry | None:
        """Return the entry of a canonical name or of an alias, or None."""
        entry = self._entries.get(name)
        if entry is None and name in self._aliases:
            entry = self._entries.get(self._aliases[name])
        if entry is None and self._connection is not None and name not in self._absent:
            entry = self._asked(name)
        return entry

    def find(self, text: str) -> Entry | None:
        r"""Return the entry of a prompt text: ``@name`` is looked up as an artist, everything else by its name.

        >>> Vocabulary.default().find(r"fern \(sousou no frieren\)").section.value
        'character'
        """
        if is_artist(text):
            entry = self.lookup(artist_name(text))
            return entry if entry is not None and entry.section is Section.ARTIST else None
        return self.lookup(text_to_name(text))

    def section_of(self, text: str) -> Section:
        r"""Return the section of a prompt text in ComfyUI spelling; ``general`` where nothing is known.

        An explicit ``@`` makes an artist whatever the table says. An unknown name with the qualifier of a known series
        or of known characters is taken for a character.

        >>> [Vocabulary.default().section_of(t).value for t in ("@nobody known", "year 2031", r"nobody \(kancolle\)")]
        ['artist', 'year', 'character']
        """
        if text[:1] == "@" and is_artist(text):
            return Section.ARTIST
        name = text_to_name(text)
        entry = self._entries.get(name) or self.lookup(name)
        if entry is not None:
            return entry.section
        if _YEAR.fullmatch(name):
            return Section.YEAR
        match = QUALIFIER.search(name)
        if match is None:
            return Section.GENERAL
        if match.group(1) == "series":
            return Section.SERIES
        return Section.CHARACTER if self._is_qualifier(match.group(1)) else Section.GENERAL

    def search(
        self, query: str, *, category: str | None = None, limit: int = 20, beside: Iterable[str] = ()
    ) -> list[Match]:
        """Return what a person may mean: exact, alias, prefix, part of a name, typo, ``*_hair``, ``/bhs``; best first.

        Args:
            query: what was typed.
            category: tags of this kind alone.
            limit: most results.
            beside: names that the prompt already holds; what goes with them comes first among equally good matches.

        >>> [m.entry.name for m in Vocabulary.default().search("lookin at viewer", limit=1)]
        ['looking_at_viewer']
        """
        from anima_prompt.vocabulary import search

        held = tuple(beside)
        found = search.search(self._store, query, category=category, limit=max(limit, 60) if held else limit)
        if held:
            found.sort(key=lambda match: (match.tier, -self._affinity(match.entry, held)))  # stable within a tier
        return found[:limit]

    def related(self, name: str, *, limit: int = 20) -> list[Related]:
        """Return the tags that go with one, the closest first.

        From captions where any were learnt (``tags learn``); otherwise, with a score of 0, the tags of its group or
        the characters of its series, most posts first.

        >>> from anima_prompt.vocabulary import data_folder
        >>> [one.name for one in Vocabulary.from_folder(data_folder()).related("long_hair", limit=2)]
        ['short_hair', 'very_long_hair']
        """
        from anima_prompt.vocabulary.cooccurrence import Related

        entry = self.lookup(name)
        if entry is not None:
            name = entry.name
        found = self._learned.related(name, limit=limit) if self._learned is not None else []
        if found or entry is None:
            return found
        near = self.group(entry.group) if entry.group else self.characters_of(entry.series or entry.name)
        return [Related(other.name, 0, 0.0) for other in near if other.name != name][:limit]

    def _affinity(self, entry: Entry, held: Iterable[str]) -> float:
        """Return how well an entry goes with names; one of the same series goes best."""
        series = {other.series for name in held if (other := self.lookup(name)) is not None and other.series}
        together = self._learned.affinity(entry.name, held) if self._learned is not None else 0.0
        return together + (entry.series in {*series, *held} if entry.series else 0)

    def complete(self, prefix: str, *, limit: int = 10) -> list[str]:
        """Return the most common names and aliases that start with ``prefix``, in one indexed read.

        >>> Vocabulary.default().complete("looking_at", limit=3)
        ['looking_at_viewer', 'looking_at_another', 'looking_at_object']
        """
        from anima_prompt.vocabulary import search

        return [text for text, _ in search.complete(self._store, text_to_name(prefix), limit=limit)]

    def nearest(self, text: str, *, limit: int = 3) -> list[Match]:
        """Return entries at most two edits from a text that is no name, nearest first, then most common.

        >>> [(m.entry.name, round(m.score, 2)) for m in Vocabulary.default().nearest("twintials", limit=1)]
        [('twintails', 0.89)]
        """
        from anima_prompt.vocabulary import search

        return search.nearest(self._store, text_to_name(text), limit=limit)

    def group(self, path: str = "") -> list[Entry]:
        """Return the entries of a semantic group and of the groups below it, most posts first.

        >>> [e.name for e in Vocabulary.default().group("hair/length")][:2]
        ['long_hair', 'short_hair']
        """
        entries = (
            self._where("grp = ? OR grp LIKE ? ESCAPE '!'", (path, f"{_like(path)}/%")) if path else self.entries()
        )
        return [entry for entry in entries if entry.group]

    def entries(self, section: Section | None = None) -> list[Entry]:
        """Return all entries, or those of one section, most posts first."""
        if self._connection is not None:
            return self._where("? = '' OR section = ?", (section or "", section or ""))
        chosen = (e for e in self._entries.values() if section is None or e.section is section)
        return sorted(chosen, key=lambda e: (-e.post_count, e.name))

    def characters_of(self, series: str) -> list[Entry]:
        """Return the characters of a series, most posts first."""
        return self._where("series = ?", (series,))

    def character(self, name: str) -> Entry | None:
        """Return the entry of a character, by name, alias or prompt text; None if it is none.

        >>> Vocabulary.default().character("hatsune miku").series
        'vocaloid'
        """
        entry = self.find(name)
        return entry if entry is not None and entry.section is Section.CHARACTER else None

    # --- relations ---------------------------------------------------------------------------------------------------

    @cached_property
    def relations(self) -> Relations:
        """Implications, exclusive groups and negations of the packs, and implications that were imported.

        Raises:
            DataFileError: an imported file is malformed.
        """
        from anima_prompt.vocabulary.relations import Relations, read_relations

        return read_relations(data_folder(), self._implications) if self._implications else Relations.default()

    def implies(self, name: str) -> list[str]:
        """Return what a tag brings with it, near consequences first, and theirs.

        >>> Vocabulary.default().implies("absurdly_long_hair")[:2]
        ['very_long_hair', 'long_hair']
        """
        return self.relations.implies(self._canonical(name))

    def implied_by(self, name: str) -> list[str]:
        """Return the tags that bring ``name`` with them, direct ones first.

        >>> "very_long_hair" in Vocabulary.default().implied_by("long_hair")
        True
        """
        return self.relations.implied_by(self._canonical(name))

    def conflicts(self, prompt: HasTags | Iterable[str]) -> list[Conflict]:
        """Return which tags of a prompt, or which names, exclude each other.

        >>> [c.tags for c in Vocabulary.default().conflicts(["1girl", "no_shoes", "ankle_boots"])]
        [('no_shoes', 'ankle_boots')]

        Raises:
            InputError: a text was given.
        """
        if isinstance(prompt, str):
            raise InputError(f"prompt is the text '{prompt[:40]}'; expected a Prompt or names; see Prompt.parse")
        names = [tag.name for _, tag in prompt.tags()] if isinstance(prompt, HasTags) else list(prompt)
        return self.relations.conflicts(map(self._canonical, names))

    def _canonical(self, name: str) -> str:
        entry = self.lookup(name)
        return name if entry is None else entry.name

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a pandas frame, one row per entry, most posts first.

        Raises:
            PackageError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise package_error(error) from error

        columns = ("name", "category", "section", "post_count", "group", "series", "count", "recognised")
        rows = [
            [str(getattr(entry, c)) if c == "section" else getattr(entry, c) for c in columns]
            for entry in self.entries()
        ]
        return pd.DataFrame(rows, columns=list(columns))

    @cached_property
    def _store(self) -> sqlite3.Connection:
        """The open store, or one in memory, filled when the first search asks for it."""
        if self._connection is not None:
            return self._connection
        from anima_prompt.vocabulary.store import Connection, fill

        connection = sqlite3.connect(":memory:", check_same_thread=False, factory=Connection)
        fill(connection, self._entries.values())
        return connection

    @cached_property
    def _qualifiers(self) -> set[str]:
        from anima_prompt.vocabulary.store import qualifiers

        return qualifiers(self._entries.values())

    def _is_qualifier(self, text: str) -> bool:
        if self._connection is None:
            return text in self._qualifiers
        return self._connection.execute("SELECT 1 FROM qualifier WHERE text = ?", (text,)).fetchone() is not None

    def _where(self, condition: str, values: tuple[object, ...]) -> list[Entry]:
        from anima_prompt.vocabulary.store import entries_where

        return list(entries_where(self._store, condition, values))

    def _asked(self, name: str) -> Entry | None:
        """Ask the store and remember the answer, a miss too; what is remembered is bounded."""
        from anima_prompt.vocabulary.search import exact

        if len(self._entries) + len(self._absent) > _REMEMBERED:
            self._entries.clear()
            self._absent.clear()
        match = exact(self._store, name)
        if match is None:
            self._absent.add(name)
            return None
        self._entries[name] = match.entry
        return match.entry


def _like(path: str) -> str:
    return re.sub(r"([!%_])", r"!\1", path)


@cache
def _default() -> Vocabulary:
    from anima_prompt.vocabulary.user_store import UserStore

    return Vocabulary.from_store(UserStore.default())
