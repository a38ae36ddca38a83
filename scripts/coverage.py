"""Measure which share of all tag uses the curated packs cover, by category.

Run it with ``python scripts/coverage.py LIST``, where LIST is a tab-separated file (gzip or plain) with the columns
name, category number, post_count, deprecated. A use is one tag on one post. The figures belong into ``data/README.md``.

``--groups FILE`` (Danbooru's tag groups as JSON, gzip or plain: ``{group: {adult, sections}}``) measures the general
tags once more, without those of adult groups and without those with a word of ``tests/golden/audience/listed.txt``
or ``MILD``: what a general audience uses.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from anima_prompt.vocabulary import Vocabulary, data_folder  # noqa: E402  the tests are no package of the wheel
from anima_prompt.vocabulary.lists import CATEGORIES  # noqa: E402
from tests.audience import listed_parts, read_hashes  # noqa: E402

MILD = frozenset(
    "aside bikini blood fishnet fishnets highleg lift micro navel pull revealing spread swimsuit tentacles thighs".split()
)
"""Words of tags that are left out besides the listed ones; wider than it need be, so that the figure is not flattered by
tags that we would not pack anyway."""
AUDIENCE = "general audience"


def opened(path: Path) -> IO[str]:
    """Open a text file, gzip or plain."""
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")


def adult_names(path: Path) -> set[str]:
    """Return the tags of adult groups."""
    with opened(path) as file:
        groups = json.load(file)
    return {tag for group in groups.values() if group["adult"] for tags in group["sections"].values() for tag in tags}


def uses_in(path: Path, adult: set[str] | None) -> Iterator[tuple[str, str, int]]:
    """Yield kind, name and uses of each tag; general tags for a general audience once more under a name of their own."""
    listed = read_hashes("listed.txt")
    with opened(path) as rows:
        for row in rows:
            name, number, count, *_ = row.rstrip("\n").split("\t")
            if number not in CATEGORIES:
                continue
            kind, _ = CATEGORIES[number]
            yield kind, name, int(count)
            mild = adult is not None and name not in adult and MILD.isdisjoint(re.split(r"[_\-/()]+", name))
            if kind == "general" and mild and not listed_parts(name, listed):
                yield AUDIENCE, name, int(count)


def main() -> int:
    """Print a line per category: packed names, covered uses, and the most common names that are missing."""
    parser = argparse.ArgumentParser(description="Measure which share of all tag uses the curated packs cover.")
    parser.add_argument("list", type=Path, help="tab-separated: name, category, post_count, deprecated")
    parser.add_argument("--groups", type=Path, help="tag groups as JSON, for the general audience's share")
    options = parser.parse_args()
    packed = Vocabulary.from_folder(data_folder())
    uses: Counter[str] = Counter()
    covered: Counter[str] = Counter()
    names: Counter[str] = Counter()
    missing: dict[str, list[str]] = {}
    for kind, name, count in uses_in(options.list, adult_names(options.groups) if options.groups else None):
        uses[kind] += count
        if packed.lookup(name) is not None:
            covered[kind] += count
            names[kind] += 1
        elif len(missing.setdefault(kind, [])) < 8:
            missing[kind].append(name)
    for kind, total in uses.items():
        share = 100 * covered[kind] / total
        first = ", ".join(missing.get(kind, []))
        print(f"{kind:16} {names[kind]:6,} names  {share:5.1f} % of uses; first missing: {first}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
