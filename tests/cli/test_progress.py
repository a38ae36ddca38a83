"""Facts about progress: a bar on a terminal, few plain lines elsewhere, results untouched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from anima_prompt.cli.progress import ProgressBar

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from anima_prompt.cli.progress import ProgressBar
with ProgressBar("rendering") as bar:
    for number in (1, 2):
        bar.update(number, 2, f"{number} of 2 images")
        sys.stdout.write(f"result {number}\\n")
        bar.message("[b]a[/b] \\x1b[31m failed")
        bar._bar.refresh()
"""


class Clock:
    """A clock that goes on by ten seconds whenever it is read in an update."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds = 0.0, seconds

    def __call__(self) -> float:
        self.now += self.seconds
        return self.now


def test_short_work_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("linting") as bar:
        for number in range(1000):
            bar.update(number, 1000, f"{number} of 1,000 files")
            bar.update(number, None, f"{number} rows")
    assert capsys.readouterr() == ("", "")


def test_long_work_prints_a_line_for_every_twentieth_part(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("linting", clock=Clock(20)) as bar:
        for number in range(1, 1001):
            bar.update(number, 1000, f"{number} of 1,000 files")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == "linting: 50 of 1,000 files"
    assert len(err.splitlines()) == 19
    assert "\x1b" not in err


def test_work_of_unknown_length_prints_a_line_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("fetching", clock=Clock(10)) as bar:
        for number in range(1, 61):
            bar.update(number, None, f"{number} rows")
    assert len(capsys.readouterr().err.splitlines()) == 10


@pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")
@pytest.mark.parametrize("both", [False, True])
def test_a_terminal_gets_a_bar_and_a_pipe_the_results(both: bool) -> None:
    import pty

    ours, theirs = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdout=theirs if both else subprocess.PIPE,
        stderr=theirs,
        env=environment,
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
        results = shown if both else process.stdout.read() if process.stdout else b""
    os.close(ours)
    text = shown.decode()
    assert "━" in text
    assert "2 of 2 images" in text
    assert "[b]a[/b] \\x1b[31m failed" in text
    assert results.replace(b"\r\n", b"\n").count(b"result 1") == 1
    if not both:
        assert results == b"result 1\nresult 2\n"
        assert "result" not in text
