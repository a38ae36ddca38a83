"""Time the linter on one prompt: parse, classify, all rules, warm, one core.

    python benchmarks/lint.py [TAGCOMPLETE.csv.gz]

With a list, its names are imported first, so that the vocabulary has the size that users have. Prints a table and one line
of JSON. The prompt is new every time in its order, so that nothing but tags is remembered.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

TAGS = (
    "masterpiece, best quality, score_7, safe, 1girl, hatsune miku, vocaloid, @wlop, long hair, twintails, aqua hair, blue eyes, "
    "smile, open mouth, looking at viewer, white shirt, detached sleeves, black skirt, pleated skirt, necktie, headphones, "
    "holding microphone, stage lights, confetti, night, outdoors, cowboy shot, from below, depth of field, (sparkle:1.5)"
).split(", ")
ROUNDS = 2_000


def main(arguments: list[str]) -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ANIMA_PROMPT_DATA"] = folder
        if arguments:
            _import(Path(arguments[0]), Path(folder))
        from anima_prompt.lint import Document, Linter
        from anima_prompt.vocabulary import Vocabulary

        started = time.perf_counter()
        linter = Linter()
        linter.check(Document(", ".join(TAGS)))
        first = time.perf_counter() - started
        prompts = [Document(_shuffled(seed), "worst quality, low quality, score_1") for seed in range(ROUNDS)]
        for document in prompts[:100]:
            linter.check(document)
        times = []
        for document in prompts:
            before = time.perf_counter()
            linter.check(document)
            times.append((time.perf_counter() - before) * 1e6)
        size = len(Vocabulary.default())
    figures = {
        "benchmark": "lint",
        "names": size,
        "rules": len(linter.rules),
        "median_us": round(statistics.median(times), 1),
        "p95_us": round(statistics.quantiles(times, n=20)[-1], 1),
        "first_ms": round(first * 1e3, 1),
    }
    for key, value in figures.items():
        print(f"{key:12} {value}")
    print(json.dumps(figures))


def _shuffled(seed: int) -> str:
    tags = TAGS[8:]
    random.Random(seed).shuffle(tags)
    return ", ".join(TAGS[:8] + tags)


def _import(path: Path, folder: Path) -> None:
    from anima_prompt.vocabulary.user_store import UserStore

    plain = folder / "list.csv"
    plain.write_bytes(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
    UserStore(folder).add(plain)


if __name__ == "__main__":
    main(sys.argv[1:])
