"""Queries of a store: look-up, completion, patterns, typos.

Results are ranked by tier first (exact, alias, prefix, pattern, typo), then by post count. Candidates for typos come
from an index, and rapidfuzz only ranks the shortlist.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass, replace
from enum import IntEnum

from anima_prompt.vocabulary.packs import Entry
from anima_prompt.vocabulary.store import FAR, FAR_PARTS, MANY_COMPLETIONS, entries_where, parts_of, piece_key

MAX_EDITS = 2
_ALIASES_A_NAME = 4  # factor of rows per result, because several spellings of an entry may match
_ENOUGH = 3  # with fewer matches than this, typos are considered
_ABBREVIATION = re.compile(r"/([a-z0-9]{2,})")
_LAST = "\U0010ffff"
_FIRST_WIDE = "\u3040"


class Tier(IntEnum):
    """How a result matched; lower is better."""

    EXACT = 0
    ALIAS = 1
    PREFIX = 2  # of the name or of one of its words
    PATTERN = 3
    TYPO = 4


@dataclass(frozen=True, slots=True)
class Match:
    """A result: the entry, its tier, the matching spelling, and the similarity to the query (0 to 1)."""

    entry: Entry
    tier: Tier
    form: str
    score: float = 1.0


def exact(connection: sqlite3.Connection, name: str) -> Match | None:
    """Return the entry whose name or alias is ``name``."""
    row = connection.execute(
        "SELECT entry, is_alias FROM form WHERE text = ? ORDER BY is_alias LIMIT 1", (name,)
    ).fetchone()
    if row is None:
        return None
    return Match(_by_id(connection, row[0]), Tier.ALIAS if row[1] else Tier.EXACT, name)


def complete(connection: sqlite3.Connection, prefix: str, *, limit: int = 10) -> list[tuple[str, int]]:
    """Return the most common spellings that start with ``prefix`` and their entries' numbers.

    A single indexed read: the best completions of frequent prefixes are stored.
    """
    if not prefix:
        return []
    stored = connection.execute(
        "SELECT form.text, form.entry FROM prefix JOIN form ON form.id = prefix.form WHERE prefix.text = ?"
        " ORDER BY prefix.form LIMIT ?",
        (prefix, limit),
    ).fetchall()
    if stored:
        return [(text, entry) for text, entry in stored]
    rows = connection.execute(
        "SELECT text, entry FROM form WHERE text >= ? AND text < ? LIMIT ?",
        (prefix, prefix + _LAST, MANY_COMPLETIONS),
    ).fetchall()
    rows.sort(key=lambda row: row[1])
    return [(text, entry) for text, entry in rows[:limit]]


def typos(
    connection: sqlite3.Connection, name: str, *, limit: int = 5, far: bool = False
) -> list[tuple[str, int, int]]:
    """Return spellings at most two edits away (one where the spelling has fewer than six characters).

    An edit inserts, drops, changes or swaps letters. Fewer edits come first, then the more common tag.

    Args:
        connection: of the store.
        name: text of the user.
        limit: maximum number of spellings.
        far: return short spellings that are two edits away instead: four and five characters of which half may differ.

    Returns:
        text, entry number, edits; never ``name`` itself.
    """
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import extract

    lengths = range(max(2, len(name) - MAX_EDITS), len(name) + MAX_EDITS + 1)
    keys = [
        key for n in lengths if not far or n in FAR for key in _keys_near(name, n, FAR_PARTS if far else parts_of(n))
    ]
    if not keys:
        return []
    marks = ",".join("?" * len(keys))
    query = f"SELECT text, entry FROM piece WHERE key IN ({marks})"  # noqa: S608  only question marks
    entries: dict[str, int] = dict(connection.execute(query, keys))
    near = extract(name, entries.keys(), scorer=OSA.distance, score_cutoff=MAX_EDITS, limit=None)
    forms = [(text, entries[text], int(edits)) for text, edits, _ in near if far or edits < parts_of(len(text))]
    forms.sort(key=lambda match: (match[2], match[1]))
    return [match for match in forms if match[2] > (1 if far else 0)][:limit]


def _keys_near(name: str, length: int, parts: int) -> list[str]:
    """Return the keys of all parts that a form of a similar length may share with ``name``.

    A form is split into k + 1 parts, and k edits leave at least one part unchanged. Its possible positions in ``name``
    follow from its index and the difference in length (multi-match-aware windows of PASS-JOIN). A swap of two letters
    across a boundary changes two parts at once: if the other edit is in the third part, the left of the two matches
    with the swap undone, at a known position.
    """
    edits, shift = parts - 1, len(name) - length
    if abs(shift) > edits:
        return []
    keys: dict[str, None] = {}
    for index in range(parts):
        start, end = length * index // parts, length * (index + 1) // parts
        size = end - start
        low = max(start - index, start + shift - (edits - index), 0)
        high = min(start + index, start + shift + (edits - index))
        for place in range(low, high + 1):
            text = name[place : place + size]
            if len(text) == size:
                keys[piece_key(length, index, text, parts)] = None
        place = start if index == 0 else start + shift
        if index < parts - 1 and abs(shift) < edits and 0 <= place < len(name) - size:
            text = name[place : place + size - 1] + name[place + size]
            keys[piece_key(length, index, text, parts)] = None
    return list(keys)


def nearest(connection: sqlite3.Connection, name: str, *, limit: int = 3) -> list[Match]:
    """Return the entries that are a typo away, each once; short names two edits away if no entry is nearer."""
    unique: dict[int, Match] = {}
    for far in (False, True):
        if far and (unique or len(name) > FAR[-1] + 1):
            break
        for text, entry, edits in typos(connection, name, limit=limit * 3, far=far):
            score = 1 - edits / max(len(text), len(name))
            if entry not in unique:
                unique[entry] = Match(_by_id(connection, entry), Tier.TYPO, text, score)
    return list(unique.values())[:limit]


def wildcard(connection: sqlite3.Connection, pattern: str, *, limit: int = 20) -> list[Match]:
    """Return entries whose name or alias fits a pattern with ``*`` for any text, most common first."""
    glob = "".join(f"[{char}]" if char in "?[" else char for char in pattern)
    if any(len(part) >= 3 for part in pattern.split("*")):  # the trigram index needs three characters
        source = "SELECT form.text, form.entry FROM trigram JOIN form ON form.id = trigram.rowid WHERE trigram.text"
    else:
        source = "SELECT text, entry FROM form WHERE text"
    rows = connection.execute(f"{source} GLOB ? ORDER BY form.id LIMIT ?", (glob, limit)).fetchall()
    return _matches(connection, [(text, entry) for text, entry in rows], Tier.PATTERN)


def abbreviation(connection: sqlite3.Connection, letters: str, *, limit: int = 20) -> list[Match]:
    """Return the entries whose words start with these letters: ``bhs`` finds ``black_hair_something``."""
    glob = "".join(f"{letter}*[_-]" for letter in letters[:-1]) + f"{letters[-1]}*"
    rows = connection.execute(
        "SELECT text, entry FROM form WHERE text >= ? AND text < ? AND text GLOB ? ORDER BY id LIMIT ?",
        (letters[0], letters[0] + _LAST, glob, limit * 8),
    ).fetchall()
    exact_words = [row for row in rows if len(re.split("[_-]", row[0])) == len(letters)]
    return _matches(connection, exact_words[:limit], Tier.PATTERN)


def search(connection: sqlite3.Connection, query: str, *, category: str | None = None, limit: int = 20) -> list[Match]:
    """Return the entries that match ``query``, best first.

    ``long hair`` is looked up as a name, an alias, a prefix, a part of a name and with typos; ``*_hair`` is a pattern;
    ``/bhs`` an abbreviation.
    """
    name = re.sub(r"\s+", "_", query.strip().lower())
    if not name:
        return []
    short = _ABBREVIATION.fullmatch(name)
    reach = limit * (_ALIASES_A_NAME if category is None else _ALIASES_A_NAME * 10)
    if "*" in name:
        forms = wildcard(connection, name, limit=reach)
    elif any(char >= _FIRST_WIDE for char in name):
        forms = in_other_scripts(connection, name, limit=reach)
    elif short:
        forms = abbreviation(connection, short.group(1), limit=reach)
    else:
        forms = _ranked(connection, name, reach)
    unique: dict[str, Match] = {}
    for match in forms:
        if category in (None, match.entry.category):
            unique.setdefault(match.entry.name, match)
    return list(unique.values())[:limit]


def in_other_scripts(connection: sqlite3.Connection, text: str, *, limit: int = 20) -> list[Match]:
    """Return the entries with a text in their Japanese, Chinese or Korean names, whole names first."""
    rows = connection.execute(
        "SELECT text, entry FROM other WHERE instr(text, ?) ORDER BY text != ?, entry LIMIT ?", (text, text, limit)
    ).fetchall()
    return [Match(_by_id(connection, entry), Tier.ALIAS if form == text else Tier.PREFIX, form) for form, entry in rows]


def _ranked(connection: sqlite3.Connection, name: str, limit: int) -> list[Match]:
    first = exact(connection, name)
    matches = [first] if first else []
    starts = _matches(connection, complete(connection, name, limit=limit), Tier.PREFIX)
    if len(name) >= 3:
        inside = wildcard(connection, f"*{name}*", limit=limit)
        starts += [replace(match, tier=Tier.PREFIX) for match in inside if f"_{name}" in match.form]
        matches += sorted(starts, key=lambda match: -match.entry.post_count) + inside
    else:
        matches += starts
    return matches if len(matches) >= _ENOUGH else matches + nearest(connection, name, limit=limit)


def _matches(connection: sqlite3.Connection, rows: list[tuple[str, int]], tier: Tier) -> list[Match]:
    return [Match(_by_id(connection, entry), tier, text) for text, entry in rows]


def _by_id(connection: sqlite3.Connection, number: int) -> Entry:
    return next(entries_where(connection, "id = ?", (number,)))
