"""Gates that keep the packs fit for a general audience: words in names, and the company that a tag keeps.

The words are kept as hashes, so that the repository spells none of them; ``scripts/check_audience.py`` adds one.
The line itself is drawn in ``data/README.md``. What the gates find stands in ``tests/golden/audience``:

- ``listed.txt``: hashes of words, whole names, and pieces of names in Japanese, Chinese and Korean.
- ``neutral.txt``: hashes of tags in the reference's adult groups that are no evidence: builds, garments, restraints of prisoners.
- ``company.csv``: what was measured for each row, in percent; empty where the co-occurrence table lacks the tag.
- ``allowed.csv``: names that a gate stops and a person lets pass, each with a reason.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from anima_prompt.vocabulary import PACKS, Entry, data_folder, read_pack
from anima_prompt.vocabulary.packs import other_names

FOLDER = Path(__file__).parent / "golden/audience"
DECLARED = ("tags/general.csv", "tags/meta.csv", "tags/count.csv")
"""Packs whose tags say what is seen; their rows need a reviewed entry at :data:`COMPANY` or :data:`NEAREST`."""
TITLES = ("tags/series.csv", "tags/characters.csv")
"""Packs whose names are titles and persons: their posts are not their meaning, so :data:`LIMIT` alone holds for them."""
COMPANY = 20.0
"""Percent of a tag's co-occurrences that fall on explicit tags."""
NEAREST = 10.0
"""Percent of a tag's posts that carry its most frequent explicit companion."""
LIMIT = 100 / 3
"""Percent of posts with one explicit companion at which a row goes, whatever its name says."""
LONGEST_PIECE = 10

_NOT_A_LETTER = re.compile(r"[^a-z0-9]+")
_FOREIGN = re.compile(r"[^\x00-\x7f]+")


@dataclass(frozen=True, slots=True)
class Company:
    """What a tag was measured to stand beside, in percent with one decimal; ``None`` where the table lacks the tag."""

    company: float | None = None
    nearest: float | None = None

    @property
    def needs_review(self) -> bool:
        """Whether a row of :data:`DECLARED` needs an entry in ``allowed.csv``."""
        return (self.company or 0) >= COMPANY or (self.nearest or 0) >= NEAREST

    @property
    def is_out(self) -> bool:
        """Whether no row may have it."""
        return (self.nearest or 0) >= LIMIT


def digest(kind: str, text: str) -> str:
    """Return 64 bits as hexadecimal; ``kind`` is ``word``, ``name``, ``piece`` or ``neutral``."""
    return blake2b(f"{kind}:{text}".encode(), digest_size=8).hexdigest()


def read_hashes(name: str) -> frozenset[str]:
    """Return the hashes of a file in :data:`FOLDER`."""
    return frozenset((FOLDER / name).read_text(encoding="utf-8").split())


def parts(text: str) -> Iterator[tuple[str, str]]:
    """Yield what the list of words is asked for: the name, its words, and every piece in another script."""
    lower = text.lower()
    yield "name", lower
    for word in sorted(set(_NOT_A_LETTER.split(lower)) - {""}):
        yield "word", word
    for run in _FOREIGN.findall(lower):
        for start in range(len(run)):
            for end in range(start + 1, min(start + LONGEST_PIECE, len(run)) + 1):
                yield "piece", run[start:end]


def listed_parts(text: str, listed: frozenset[str]) -> list[str]:
    """Return the parts of a text that are listed."""
    return [part for kind, part in parts(text) if digest(kind, part) in listed]


def pack_texts(folder: Path | None = None) -> dict[str, list[str]]:
    """Return every name, alias, spelling and other name of the packs, by ``file: name``."""
    folder = folder or data_folder()
    others = other_names(folder)
    texts: dict[str, list[str]] = {}
    for pack in PACKS:
        for entry in read_pack(pack, folder):
            spelling = (entry.spelling,) if entry.spelling else ()
            texts[f"{pack.path}: {entry.name}"] = [entry.name, *entry.aliases, *spelling, *entry.looks]
    texts |= {f"tags/other_names.csv: {name}": list(names) for name, names in others.items()}
    for file in ("implications", "deprecated"):
        with (folder / f"tags/{file}.csv").open(encoding="utf-8", newline="") as stream:
            texts |= {
                f"tags/{file}.csv: {','.join(row)}": [*row[0].split("|"), *row[1].split("|")]
                for row in csv.reader(stream)
            }
    return texts


def pack_rows(paths: Iterable[str]) -> dict[str, Entry]:
    """Return the entries of some packs by name."""
    wanted = set(paths)
    return {entry.name: entry for pack in PACKS if pack.path in wanted for entry in read_pack(pack, data_folder())}


def read_allowed() -> dict[tuple[str, str], str]:
    """Return the reviewed reasons by gate and name, in file order."""
    with (FOLDER / "allowed.csv").open(encoding="utf-8", newline="") as stream:
        return {(row["gate"], row["name"]): row["reason"] for row in csv.DictReader(stream)}


def read_company() -> dict[str, Company]:
    """Return what was measured, by name."""
    with (FOLDER / "company.csv").open(encoding="utf-8", newline="") as stream:
        return {
            row["name"]: Company(*(float(row[key]) if row[key] else None for key in ("company", "nearest")))
            for row in csv.DictReader(stream)
        }


def explicit_tags(groups: Path, packed: Iterable[str]) -> set[str]:
    """Return the tags of the reference's adult groups that are evidence: neither packed nor neutral."""
    neutral = read_hashes("neutral.txt")
    return {tag for tag in adult_tags(groups) if digest("neutral", tag) not in neutral} - set(packed)


def adult_tags(groups: Path) -> set[str]:
    """Return the tags of the reference's adult groups."""
    with gzip.open(groups, "rt", encoding="utf-8") as stream:
        by_group = json.load(stream)
    adult = (group["sections"].values() for group in by_group.values() if group["adult"])
    return {tag for sections in adult for tags in sections for tag in tags}


def read_co_occurrences(path: Path) -> dict[str, dict[str, int]]:
    """Return how many posts carry a tag and another, for all pairs of the table, in both directions."""
    table: dict[str, dict[str, int]] = defaultdict(dict)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        next(stream)
        for line in stream:
            first, second, count = line.rstrip("\n").split("\t")
            table[first][second] = table[second][first] = int(count)
    return dict(table)


def measure(entry: Entry, table: Mapping[str, Mapping[str, int]], explicit: set[str]) -> Company:
    """Return the company of one row."""
    beside = table.get(entry.name)
    if not beside:
        return Company()
    shared = [count for tag, count in beside.items() if tag in explicit]
    company = round(100 * sum(shared) / sum(beside.values()), 1)
    if not entry.post_count:  # a name of another site, which has no posts of its own
        return Company(company)
    return Company(company, round(100 * max(shared, default=0) / entry.post_count, 1))


def only_explicit_imply(path: Path, explicit: set[str], packed: Iterable[str]) -> set[str]:
    """Return the packed names that other names imply, some of them explicit and none of them packed."""
    implying: dict[str, set[str]] = defaultdict(set)
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            name, implied, status = line.rstrip("\n").split("\t")[:3]
            if status == "active":
                implying[implied].add(name)
    names = set(packed)
    return {name for name in names if implying[name] & explicit and not implying[name] & names}


def implied_explicit(path: Path, explicit: set[str], packed: Iterable[str]) -> dict[str, list[str]]:
    """Return the packed names that imply an explicit one, with what they imply."""
    names = set(packed)
    found: dict[str, list[str]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            name, implied, status = line.rstrip("\n").split("\t")[:3]
            if status == "active" and name in names and implied in explicit:
                found[name].append(implied)
    return dict(found)
