"""Look-up times of a large vocabulary, and its typo tolerance next to rapidfuzz over the whole list, in the same run.

Run it with ``python benchmarks/vocabulary.py LIST``, where LIST is a tagcomplete CSV (``name,category,count,"aliases"``),
plain or gzip. Prints a table and then one line of JSON.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

from anima_prompt.vocabulary import Vocabulary, search
from anima_prompt.vocabulary.lists import read_list
from anima_prompt.vocabulary.store import build, open_store

LETTERS = "abcdefghijklmnopqrstuvwxyz_"


def timed(work: Callable[[str], object], queries: list[str]) -> tuple[float, float]:
    """Return median and 95th percentile of one call in microseconds."""
    samples = []
    for query in queries:
        start = time.perf_counter()
        work(query)
        samples.append((time.perf_counter() - start) * 1e6)
    return statistics.median(samples), statistics.quantiles(samples, n=20)[-1]


def edited(word: str, generator: random.Random) -> str:
    """Return ``word`` with one letter dropped, added, changed, or two swapped."""
    place = generator.randrange(len(word))
    letter = generator.choice(LETTERS)
    swapped = word[:place] + word[place + 1 : place + 2] + word[place] + word[place + 2 :]
    return generator.choice(
        (
            word[:place] + word[place + 1 :],
            word[:place] + letter + word[place:],
            word[:place] + letter + word[place + 1 :],
            swapped,
        )
    )


def misspelled(name: str, edits: int, generator: random.Random) -> str:
    """Return ``name`` after one or two edits that do not undo each other."""
    wrong = name
    while wrong == name:
        for _ in range(edits):
            wrong = edited(wrong, generator) if wrong else name
    return wrong


def main() -> int:
    """Print the table and the line of JSON."""
    parser = argparse.ArgumentParser(description="Look-up times of a large vocabulary.")
    parser.add_argument("list", type=Path, help="tagcomplete CSV, plain or gzip")
    path = parser.parse_args().list
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "list.csv"
        data = path.read_bytes()
        plain.write_bytes(gzip.decompress(data) if path.suffix == ".gz" else data)
        entries = read_list(plain).entries
        store = Path(folder) / "vocabulary.sqlite"
        start = time.perf_counter()
        build(store, entries)
        result: dict[str, object] = {"entries": len(entries), "build_s": round(time.perf_counter() - start, 2)}
        start = time.perf_counter()
        connection = open_store(store)
        result["open_ms"] = round((time.perf_counter() - start) * 1e3, 2)
        generator = random.Random(1)
        names = [entry.name for entry in entries]
        common = [name for name in names[:60_000] if len(name) >= 4]
        right = generator.choices(common, k=1000)
        wrong = [misspelled(name, 1 + i % 2, generator) for i, name in enumerate(right)]
        table = Vocabulary(connection=connection)
        jobs: dict[str, tuple[Callable[[str], object], list[str]]] = {
            "exact, asked first": (table.lookup, generator.sample(names, 3000)),
            "exact, asked again": (table.lookup, ["long_hair"] * 3000),
            "prefix of 1 to 6": (
                lambda q: search.complete(connection, q),
                [n[: generator.randint(1, 6)] for n in generator.sample(names, 3000)],
            ),
            "typo": (lambda q: search.nearest(connection, q, limit=5), wrong),
            "rapidfuzz, whole list": (
                lambda q: extract(q, names, scorer=OSA.normalized_similarity, limit=5),
                wrong[:200],
            ),
        }
        print(f"{len(entries):,} entries built in {result['build_s']} s, opened in {result['open_ms']} ms")
        print(f"{'microseconds':24}{'median':>10}{'p95':>10}")
        for name, (work, queries) in jobs.items():
            median, p95 = timed(work, queries)
            result[name] = [round(median, 1), round(p95, 1)]
            print(f"{name:24}{median:10.1f}{p95:10.1f}")
        ours = [[match.entry.name for match in search.nearest(connection, query, limit=5)] for query in wrong]
        whole = [
            [found[0] for found in extract(query, names, scorer=OSA.normalized_similarity, limit=5)] for query in wrong
        ]
        for label, answers in (("ours", ours), ("rapidfuzz", whole)):
            first = sum(near[:1] == [name] for near, name in zip(answers, right, strict=True)) / 10
            five = sum(name in near for near, name in zip(answers, right, strict=True)) / 10
            result[f"{label}_recall"] = [first, five]
            print(f"{label:10} right one first {first:.1f} %, among five {five:.1f} %")
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
