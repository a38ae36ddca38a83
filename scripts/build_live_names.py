"""Write the hash files of live names and of words: ``python scripts/build_live_names.py REFERENCE SCOWL``.

REFERENCE is a folder with ``danbooru_tags_2025-09-24_all.tsv.gz`` (name, category, post_count, deprecated),
``danbooru_aliases_2025-09-24.tsv.gz`` (antecedent, consequent, created; active ones alone) and
``renames_after_cutoff.tsv`` (old, new). SCOWL is the folder of word lists of Debian's package ``scowl``
(``/usr/share/dict/scowl``). Nothing is written but hashes, so that no name can be read.

- ``live_names.bin``: every tag that is not deprecated and has ``MIN_POSTS`` posts and more, and names given since.
- ``live_aliases.bin``: the active aliases of these.
- ``english_words.bin``: words of English.
- ``name_words.bin``: the words of tags with ``MIN_POSTS`` posts and more, and English names of people and places.
"""

from __future__ import annotations

import csv
import gzip
import re
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from anima_prompt.vocabulary.live_names import ENGLISH_WORDS, LIVE_ALIASES, LIVE_NAMES, NAME_WORDS, pack_hashes
from anima_prompt.vocabulary.packs import data_folder

DATE = "2025-09-24"
SCOWL = "SCOWL-2020.12.07"
MIN_POSTS = 20
MIN_LETTERS = 4
MIN_LETTERS_OF_ENGLISH = 3
SIXTY_FOUR_BITS, FORTY_BITS, THIRTY_TWO_BITS = 6, 3, 2

LANGUAGES = ("english", "american", "british", "variant_1")
WORDS = {"words": 70, "contractions": 70}
NAMES = {"upper": 70, "proper-names": 70}
"""Largest size of SCOWL taken of each kind: a large dictionary; size 80 would bring lists with terms of their own."""

_NOT_LETTERS = re.compile(r"[^a-z']+")


def live_names(folder: Path) -> dict[str, int]:
    """Return post counts by name, of tags that are not deprecated, and of their new names."""
    with gzip.open(folder / f"danbooru_tags_{DATE}_all.tsv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        counts = {row["name"]: int(row["post_count"]) for row in rows if row["deprecated"] == "0"}
    with (folder / "renames_after_cutoff.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            counts.setdefault(row["new"], counts.get(row["old"], 0))
    return {name: count for name, count in counts.items() if count >= MIN_POSTS}


def live_aliases(folder: Path, names: dict[str, int]) -> set[str]:
    """Return the active aliases of live names."""
    with gzip.open(folder / f"danbooru_aliases_{DATE}.tsv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["antecedent"] for row in rows if row["consequent"] in names}


def words_of_names(names: dict[str, int]) -> set[str]:
    """Return the words that live names consist of."""
    return {word for name in names for word in _NOT_LETTERS.split(name)}


def scowl_words(scowl: Path, kinds: dict[str, int]) -> set[str]:
    """Return words of SCOWL in lower case, each kind up to its size."""
    found: set[str] = set()
    for language in LANGUAGES:
        for kind, largest in kinds.items():
            for path in sorted(scowl.glob(f"{language}-{kind}.*")):
                if int(path.suffix[1:]) <= largest:
                    found.update(path.read_text(encoding="latin-1").lower().split())
    return found


def main(reference: Path, scowl: Path, target: Path) -> None:
    """Write the four files into ``target`` and print their sizes."""
    names = live_names(reference)
    english = {word for word in scowl_words(scowl, WORDS) if len(word) >= MIN_LETTERS_OF_ENGLISH}
    parts = words_of_names(names) | scowl_words(scowl, NAMES)
    parts = {word for word in parts - english if len(word) >= MIN_LETTERS and word not in names}
    danbooru = f"source=Danbooru date={DATE} posts>={MIN_POSTS}"
    for file, texts, width, about in (
        (LIVE_NAMES, set(names), SIXTY_FOUR_BITS, danbooru),
        (LIVE_ALIASES, live_aliases(reference, names), SIXTY_FOUR_BITS, danbooru),
        (ENGLISH_WORDS, english, FORTY_BITS, f"source={SCOWL}"),
        (NAME_WORDS, parts, THIRTY_TWO_BITS, f"{danbooru} and={SCOWL}"),
    ):
        data = pack_hashes(texts, width=width, about=about)
        (target / file).write_bytes(data)
        print(f"{file}: {len(texts):,} texts, {len(data):,} bytes, {len(zlib.compress(data, 9)):,} compressed")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), data_folder())
