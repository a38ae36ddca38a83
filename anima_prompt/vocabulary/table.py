"""The vocabulary: names, aliases and the sections they stand in.

Knows what a name means; knows nothing of prompts and weights. This first form lives in memory and holds the curated
packs; it is built once per process, on first use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from anima_prompt.names import artist_name, is_artist, text_to_name
from anima_prompt.sections import Section
from anima_prompt.vocabulary.packs import PACKS, Entry, data_folder, read_pack

if TYPE_CHECKING:
    import pandas as pd

_YEAR = re.compile(r"year_\d{4}")
_QUALIFIER = re.compile(r"_\(([^()]+)\)$")


class Vocabulary:
    """A read-only table of entries, looked up by name, alias or prompt text."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries: dict[str, Entry] = {}
        self._aliases: dict[str, str] = {}
        for entry in entries:
            self._entries[entry.name] = entry
        for entry in self._entries.values():
            for alias in entry.aliases:
                self._aliases.setdefault(alias, entry.name)
        self._character_qualifiers = frozenset(self._qualifiers())

    @classmethod
    def from_folder(cls, folder: Path) -> Vocabulary:
        """Read the packs under ``folder``.

        Raises:
            DataFileError: a pack is missing or has bad rows.
        """
        return cls(entry for pack in PACKS for entry in read_pack(pack, folder))

    @classmethod
    def default(cls) -> Vocabulary:
        """Return the curated packs that come with the library, read once per process.

        >>> Vocabulary.default().lookup("hatsune_miku").series
        'vocaloid'
        """
        return _default()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.lookup(name) is not None

    def lookup(self, name: str) -> Entry | None:
        """Return the entry of a canonical name or of an alias, or None."""
        entry = self._entries.get(name)
        if entry is None and name in self._aliases:
            entry = self._entries.get(self._aliases[name])
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
        match = _QUALIFIER.search(name)
        if match is None:
            return Section.GENERAL
        if match.group(1) == "series":
            return Section.SERIES
        return Section.CHARACTER if match.group(1) in self._character_qualifiers else Section.GENERAL

    def entries(self, section: Section | None = None) -> list[Entry]:
        """Return all entries, or those of one section, most posts first."""
        chosen = (e for e in self._entries.values() if section is None or e.section is section)
        return sorted(chosen, key=lambda e: (-e.post_count, e.name))

    def characters_of(self, series: str) -> list[Entry]:
        """Return the characters of a series, most posts first."""
        return [e for e in self.entries(Section.CHARACTER) if e.series == series]

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a pandas frame, one row per entry, most posts first."""
        import pandas as pd

        columns = ("name", "category", "section", "post_count", "group", "series", "count", "recognised")
        return pd.DataFrame(
            [{c: str(getattr(e, c)) if c == "section" else getattr(e, c) for c in columns} for e in self.entries()]
        )

    def _qualifiers(self) -> Iterable[str]:
        for entry in self._entries.values():
            if entry.section is Section.SERIES:
                yield entry.name
                yield entry.name.removesuffix("_(series)")
            elif entry.section is Section.CHARACTER:
                match = _QUALIFIER.search(entry.name)
                if match:
                    yield match.group(1)


@cache
def _default() -> Vocabulary:
    return Vocabulary.from_folder(data_folder())
