"""Captions: 100,000 files linted cold and cached, edited with a journal, undone; and the peak of memory.

    python benchmarks/captions.py [--count 100000] [--folder /tmp/captions/bench]

Images are empty files: decoding them is another job. Prints a table and one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from anima_prompt.names import name_to_text
from anima_prompt.sections import Section
from anima_prompt.vocabulary import Vocabulary


def texts(count: int, seed: int = 1) -> list[str]:
    """Return captions of 25 to 40 tags, common ones more often, a third of them with a sentence."""
    vocabulary = Vocabulary.default()
    general = [name_to_text(e.name) for e in vocabulary.entries(Section.GENERAL)[:4000]]
    artists = ["@" + name_to_text(e.trained) for e in vocabulary.entries(Section.ARTIST)[:400]]
    characters = [e for e in vocabulary.entries(Section.CHARACTER)[:400] if "(" not in e.name]
    weights = [1 / (rank + 5) for rank in range(len(general))]
    rng = random.Random(seed)
    rows = []
    for number in range(count):
        tags = [*("masterpiece", "best quality")[: rng.randint(0, 2)], "safe", rng.choice(["1girl", "1boy", "2girls"])]
        if rng.random() < 0.4:
            character = rng.choice(characters)
            tags += [name_to_text(character.name), name_to_text(character.series)] if character.series else []
        tags += [rng.choice(artists)] if rng.random() < 0.7 else []
        tags += dict.fromkeys(rng.choices(general, weights, k=rng.randint(22, 34)))
        if rng.random() < 0.1:
            tags[-1] = tags[-1].replace(" ", "_")
        text = ", ".join(tags)
        if number % 3 == 0:
            text += f". A figure stands near the window, holding {rng.choice(general)} number {number}."
        rows.append(text)
    return rows


def make(folder: Path, count: int) -> None:
    """Write the captions, a thousand a folder, and an empty image for each."""
    for number, text in enumerate(texts(count)):
        part = folder / f"{number // 1000:03}"
        if number % 1000 == 0:
            part.mkdir(parents=True)
        (part / f"{number:06}.png").touch()
        (part / f"{number:06}.txt").write_text(text + "\n", encoding="utf-8")


def timed(*arguments: str, data: str) -> tuple[float, float, str]:
    """Return seconds, the peak of memory of all processes in MiB, and the last line of output."""
    code = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-m', 'anima_prompt', *sys.argv[1:]], capture_output=True, text=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)\n"
        "print((done.stdout + done.stderr).strip().splitlines()[-1:])"
    )
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "ANIMA_PROMPT_DATA": data},
    )
    peak, last = done.stdout.splitlines()[:2]
    return time.perf_counter() - started, float(peak), last


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/captions/bench"))  # noqa: S108
    given = parser.parse_args()
    shutil.rmtree(given.folder, ignore_errors=True)
    make(given.folder / "set", given.count)
    data, folder = str(given.folder / "data"), str(given.folder / "set")
    rows = {}
    for name, arguments in (
        ("lint, cold", ("captions", "lint", folder, "--statistics")),
        ("lint, cached", ("captions", "lint", folder, "--statistics")),
        ("select, cached", ("captions", "select", "tag:smile AND NOT artist:*", folder, "--count")),
        ("stats, cached", ("captions", "stats", folder, "--top", "5")),
        ("fix, dry run", ("captions", "fix", folder, "--statistics")),
        ("fix --apply", ("captions", "fix", folder, "--apply")),
        ("undo", ("captions", "undo", folder)),
    ):
        seconds, peak, last = timed(*arguments, data=data)
        rows[name] = {"seconds": round(seconds, 1), "largest_process_mib": peak}
        print(f"{name:16} {seconds:6.1f} s  {peak:6.0f} MiB  {last[:90]}", flush=True)
    print(json.dumps(rows))
    shutil.rmtree(given.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
