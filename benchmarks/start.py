"""Time the start: import of the library, and commands as processes of their own, against the bare interpreter.

    python benchmarks/start.py [ROUNDS]

Prints a table and one line of JSON. A round runs every command once, in turn, so that other load meets all alike; figures
are medians. ``x python`` is the ratio to ``python -c pass`` in the same run; ``import anima_prompt`` is measured inside a
process, without the interpreter's own start. The first round compiles bytecode and fills caches; it is left out.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

PROMPT = (
    "masterpiece, best quality, safe, 1girl, long_hair, smile, fern (sousou no frieren), @wlop. She waves at the crowd."
)
IMPORT = "import time; before = time.perf_counter(); import {}; print(time.perf_counter() - before)"
IMPORTS = ("anima_prompt", "click", "rich.console", "PIL.Image")
"""What is imported, first ours, then dependencies as a scale."""
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "python -c 'import anima_prompt'": ("-c", "import anima_prompt"),
    "anima-prompt --version": ("-m", "anima_prompt", "--version"),
    "anima-prompt parse": ("-m", "anima_prompt", "parse", PROMPT),
    "anima-prompt fmt -": ("-m", "anima_prompt", "fmt", "-"),
    "anima-prompt lint": ("-m", "anima_prompt", "lint", PROMPT),
    "anima-prompt tags show": ("-m", "anima_prompt", "tags", "show", "smile"),
}


def main(rounds: int) -> None:
    """Run and print."""
    times: dict[str, list[float]] = {name: [] for name in (*COMMANDS, *IMPORTS)}
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"ANIMA_PROMPT_DATA": folder, "PYTHONPYCACHEPREFIX": folder, "NO_COLOR": "1"}
        for number in range(rounds + 1):
            for name, arguments in COMMANDS.items():
                before = time.perf_counter()
                _run(arguments, environment)
                times[name].append(time.perf_counter() - before)
            for name in IMPORTS:
                times[name].append(float(_run(("-c", IMPORT.format(name)), environment)))
            if not number:
                times = {name: [] for name in times}
    medians = {name: statistics.median(values) * 1e3 for name, values in times.items()}
    bare = medians["python -c pass"]
    for name, value in medians.items():
        label = name if name in COMMANDS else f"import {name} (inside)"
        ratio = f"{value / bare:6.2f} x python" if name in COMMANDS else ""
        print(f"{label:36} {value:8.1f} ms {ratio}")
    figures = {name: round(value, 1) for name, value in medians.items()}
    print(json.dumps({"benchmark": "start", "rounds": rounds, "python": sys.version.split()[0], "ms": figures}))


def _run(arguments: tuple[str, ...], environment: dict[str, str]) -> str:
    """Run Python with arguments and return its output. Exit code 1 is what ``lint`` gives for findings."""
    done = subprocess.run(  # noqa: S603  the interpreter that runs this file, with arguments from above
        [sys.executable, *arguments], env=environment, input=PROMPT, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        sys.exit(f"error: python {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
