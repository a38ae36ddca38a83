"""Measure how often tags that exclude each other stand together all the same; write data/tags/exclusive_rates.csv.

    python scripts/exclusive_rates.py PAIRS.tsv.gz TAGS.tsv.gz PROMPTS.tsv.gz

PAIRS (tag_a, tag_b, count) lists pairs of tags of Danbooru's posts, TAGS (name, category, post_count) the tags. PAIRS is a
selection: it lacks `1girl` with `solo`, which five million posts have. A pair that it lacks is therefore unknown, not rare,
and is measured on PROMPTS (column `text`, real prompts) where at least 100 of them have the rarer tag, or where at least
3 of at least 10 have both. Pairs are two members of a group, or one member and a tag that implies another one.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from anima_prompt import text_to_name
from anima_prompt.vocabulary.exclusive import RATE_COLUMNS, RATES, SEVERAL_VIEWS, Rate, Source
from anima_prompt.vocabulary.relations import Relations, is_one_person

DATA = Path(__file__).resolve().parent.parent / "data"
POSTS = 9_900_000
"""Danbooru's posts on 2025-09-24, for the lift."""
ENOUGH, FEW, MET = 100, 10, 3

Pair = tuple[str, str]


@dataclass(frozen=True)
class Measured:
    """Counts of one source: tags, pairs, and everything."""

    tags: Counter[str]
    pairs: Counter[Pair]
    total: int
    source: Source

    def rate(self, pair: Pair) -> Rate:
        """Return the rate by the rarer tag."""
        rarer, other = sorted(pair, key=lambda tag: (self.tags[tag], tag))
        both, of = self.pairs[pair], self.tags[rarer]
        return Rate(rarer, of, both, both / of / (self.tags[other] / self.total), self.source)


def candidates(relations: Relations) -> dict[Pair, bool]:
    """Return the pairs to measure, and whether each counts for one person alone."""
    found: dict[Pair, bool] = {}
    for group in relations.groups:
        for a, b in combinations(group.tags, 2):
            forms_a = {a, *relations.implied_by(a)} - {b, *relations.implied_by(b)}
            forms_b = {b, *relations.implied_by(b)} - {a, *relations.implied_by(a)}
            for x in forms_a:
                for y in forms_b:
                    found[(x, y) if x < y else (y, x)] = group.one_person
    return found


def read(path: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a compressed table."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)


def from_posts(pairs: dict[Pair, bool], pairs_file: str, tags_file: str) -> Measured:
    """Return what the list of pairs knows."""
    wanted = {tag for pair in pairs for tag in pair}
    tags = Counter({row["name"]: int(row["post_count"]) for row in read(tags_file) if row["name"] in wanted})
    counts: Counter[Pair] = Counter()
    for row in read(pairs_file):
        a, b = sorted((row["tag_a"], row["tag_b"]))
        if (a, b) in pairs and tags[a] and tags[b]:
            counts[a, b] = int(row["count"])
    return Measured(tags, counts, POSTS, "posts")


def from_prompts(pairs: dict[Pair, bool], prompts_file: str, groups: Relations) -> dict[bool, Measured]:
    """Return the counts over prompts of one person (True) and over all prompts (False)."""
    reasons = frozenset(reason for group in groups.groups for reason in group.unless)
    wanted = {tag for pair in pairs for tag in pair}
    counts = {one: Measured(Counter(), Counter(), 0, "prompts") for one in (True, False)}
    totals = Counter[bool]()
    for row in read(prompts_file):
        names = {text_to_name(tag) for tag in row["text"].split(",")}
        if names.isdisjoint(SEVERAL_VIEWS) and names.isdisjoint(reasons):
            for one in (True, False) if is_one_person(names) else (False,):
                totals[one] += 1
                present = sorted(names & wanted)
                counts[one].tags.update(present)
                counts[one].pairs.update(pair for pair in combinations(present, 2) if pair in pairs)
    return {one: Measured(m.tags, m.pairs, totals[one], m.source) for one, m in counts.items()}


def measure(pairs: dict[Pair, bool], posts: Measured, prompts: dict[bool, Measured]) -> dict[Pair, Rate]:
    """Return the rates that are known: of posts, or of enough prompts."""
    rates = {}
    for pair, one in sorted(pairs.items()):
        texts = prompts[one]
        of, both = min(texts.tags[tag] for tag in pair), texts.pairs[pair]
        if posts.pairs[pair]:
            rates[pair] = posts.rate(pair)
        elif of >= ENOUGH or (of >= FEW and both >= MET):
            rates[pair] = texts.rate(pair)
    return rates


def main(pairs_file: str, tags_file: str, prompts_file: str) -> None:
    """Write the rates; print those of pairs that are found together too often to be a contradiction."""
    relations = Relations.default()
    pairs = candidates(relations)
    rates = measure(pairs, from_posts(pairs, pairs_file, tags_file), from_prompts(pairs, prompts_file, relations))
    with (DATA / RATES).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(RATE_COLUMNS)
        for (a, b), rate in rates.items():
            percent, lift = f"{100 * rate.share:.2f}", f"{rate.lift:.2f}"
            writer.writerow((a, b, rate.rarer, rate.of, rate.both, percent, lift, rate.source))
    together = {pair: rate for pair, rate in rates.items() if rate.meet}
    for (a, b), rate in sorted(together.items(), key=lambda item: -item[1].share):
        print(f"{rate.share:6.1%} of {rate.of:7d} {rate.source:7s} lift {rate.lift:6.2f}  {a}, {b}")
    print(f"{len(pairs)} pairs: {len(rates)} measured, {len(together)} of them together too often")


if __name__ == "__main__":
    main(*sys.argv[1:])
