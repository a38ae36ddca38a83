"""Parsing speed next to two peers on the same prompts in the same run, and growth with length.

Peers: dynamicprompts (wildcards and choices, a pyparsing grammar) and compel (weights for diffusers). Neither classifies
tags nor keeps spans; both do less with a prompt, so the ratio is a lower bound on what the difference costs. Prints a table
and then one line of JSON. Run it with ``make bench``; without the peers it reports our own figures.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from anima_prompt import Prompt, format_text, parse, weighted_segments

THIRTY_TAGS = (
    "masterpiece, best quality, score_7, safe, 1girl, hatsune miku, vocaloid, @wlop, solo, long hair, twintails, aqua hair, "
    "aqua eyes, detached sleeves, pleated skirt, black thighhighs, hair ornament, looking at viewer, smile, open mouth, "
    "standing, stage, stage lights, holding microphone, night, depth of field, light particles, from below, cowboy shot, confetti"
)
MIXED = (
    "masterpiece, best quality, (smile:1.2), ((night)), fern \\(sousou no frieren\\), @wlop. A girl stands in the rain, with a "
    "red umbrella. She looks up at the sky. from above, [hat], {red|blue} dress"
)


def microseconds(work: Callable[[], object], seconds: float = 0.6) -> float:
    """Return the median time of one call in microseconds, after warming up."""
    work()
    samples = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(20):
            work()
        samples.append((time.perf_counter() - start) / 20)
    return statistics.median(samples) * 1e6


def peers() -> dict[str, Callable[[str], object]]:
    """Return the parse functions of the peers that are installed."""
    found: dict[str, Callable[[str], object]] = {}
    if importlib.util.find_spec("dynamicprompts"):
        from dynamicprompts.parser.parse import parse as parse_dynamic

        found["dynamicprompts"] = parse_dynamic
    if importlib.util.find_spec("compel"):
        from compel.prompt_parser import PromptParser

        found["compel"] = PromptParser().parse_conjunction
    return found


def import_seconds() -> float:
    """Return the best of five imports of the package, each in a process of its own."""
    code = "import time; t = time.perf_counter(); import anima_prompt; print(time.perf_counter() - t)"
    command = [sys.executable, "-c", code]
    return min(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(5))  # noqa: S603


def main() -> None:
    """Print the table and the line of JSON."""
    ours: dict[str, Callable[[str], object]] = {
        "parse (tree with spans)": parse,
        "weighted_segments": weighted_segments,
        "Prompt.parse (sections)": Prompt.parse,
        "format_text": format_text,
    }
    result: dict[str, object] = {}
    print(f"{'microseconds per call':28}{'30 tags':>12}{'mixed':>12}")
    for name, work in (ours | peers()).items():
        times = []
        for text in (THIRTY_TAGS, MIXED):
            try:
                times.append(microseconds(lambda work=work, text=text: work(text)))  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001  a peer may refuse syntax that it does not know
                times.append(float("nan"))
                print(f"  {name} refuses the text: {type(error).__name__}")
        result[name] = [round(t, 1) for t in times]
        print(f"{name:28}{times[0]:12.1f}{times[1]:12.1f}")
    for name in peers():
        ratio = result[name][0] / result["parse (tree with spans)"][0]  # type: ignore[index]
        result[f"{name} / parse"] = round(ratio, 2)
        print(f"{name} takes {ratio:.1f} times as long as parse")
    seconds = {}
    for length in (125_000, 250_000, 500_000, 1_000_000):
        text = (f"{MIXED}, " * (length // len(MIXED) + 1))[:length]
        start = time.perf_counter()
        parse(text)
        seconds[length] = time.perf_counter() - start
        print(f"parse of {length:>9,} characters {seconds[length]:8.2f} s")
    result["seconds_by_length"] = {str(k): round(v, 3) for k, v in seconds.items()}
    result["import_ms"] = round(import_seconds() * 1000, 1)
    print(f"import anima_prompt {result['import_ms']} ms")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
