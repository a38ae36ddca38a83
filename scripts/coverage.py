"""Measure which share of all tag uses the curated packs cover, by category.

Run it with ``python scripts/coverage.py LIST``, where LIST is a tab-separated file (gzip or plain) with the columns
name, category number, post_count, deprecated. A use is one tag on one post. The figures belong into ``data/README.md``.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from collections import Counter
from pathlib import Path

from anima_prompt.vocabulary import Vocabulary, data_folder
from anima_prompt.vocabulary.lists import CATEGORIES


def main() -> int:
    """Print a line per category: packed names, covered uses, and the most common names that are missing."""
    parser = argparse.ArgumentParser(description="Measure which share of all tag uses the curated packs cover.")
    parser.add_argument("list", type=Path, help="tab-separated: name, category, post_count, deprecated")
    path = parser.parse_args().list
    packed = Vocabulary.from_folder(data_folder())
    uses: Counter[str] = Counter()
    covered: Counter[str] = Counter()
    names: Counter[str] = Counter()
    missing: dict[str, list[str]] = {kind: [] for kind, _ in CATEGORIES.values()}
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as rows:
        for row in rows:
            name, number, count, *_ = row.rstrip("\n").split("\t")
            if number not in CATEGORIES:
                continue
            kind, _ = CATEGORIES[number]
            uses[kind] += int(count)
            if packed.lookup(name) is not None:
                covered[kind] += int(count)
                names[kind] += 1
            elif len(missing[kind]) < 8:
                missing[kind].append(name)
    for kind, total in uses.items():
        share = 100 * covered[kind] / total
        print(f"{kind:10} {names[kind]:6,} names  {share:5.1f} % of uses; first missing: {', '.join(missing[kind])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
