"""Measure how often tags of an exclusive group stand in one real tag string all the same, and write it into the file.

    python scripts/exclusive_rates.py TAG_STRINGS.tsv.gz

`rate` is the share of the strings with a tag of the group that break it, by the group's own conditions (one person,
`unless`). A group that fewer than 50 strings speak of keeps the rate that it has.
"""

from __future__ import annotations

import csv
import gzip
import re
import sys
from collections import Counter
from pathlib import Path

from anima_prompt import text_to_name
from anima_prompt.vocabulary.relations import EXCLUSIVE, Relations

DATA = Path(__file__).resolve().parent.parent / "data"
LEAST = 50


def main(strings_file: str) -> None:
    """Write the rates and print them, highest first."""
    relations = Relations.default()
    held: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    with gzip.open(strings_file, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE):
            names = {text_to_name(tag) for tag in row["text"].split(",")}
            broken.update(conflict.group for conflict in relations.conflicts(names))
            held.update(group.name for group in relations.groups if not names.isdisjoint(group.tags))
    path = DATA / EXCLUSIVE
    text = path.read_text(encoding="utf-8")
    rates = {name: broken[name] / held[name] for name in held if held[name] >= LEAST}
    for group, rate in sorted(rates.items(), key=lambda pair: -pair[1]):
        name = re.escape(group)
        text = re.sub(rf"(\{{name: {name})(?:, rate: [\d.]+)?,", rf"\g<1>, rate: {rate:.3f},", text, count=1)
        text = re.sub(
            rf"^(- name: {name})(?:\n  rate: [\d.]+)?$",
            rf"\g<1>\n  rate: {rate:.3f}",
            text,
            count=1,
            flags=re.MULTILINE,
        )
        print(f"{rate:.3f} {held[group]:6d} {group}")
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
