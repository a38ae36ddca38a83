"""Facts about locks: one holder, a message that names it, nothing left over by a crash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from anima_prompt.errors import LockError
from anima_prompt.locks import holder_path, locked

ROOT = Path(__file__).parents[1]
HOLD = """
import os, sys
from pathlib import Path
from anima_prompt.locks import locked
with locked(Path(sys.argv[1])):
    print(os.getpid(), flush=True)
    sys.stdin.readline()
    os._exit(1)  # no finally, no atexit: as if killed
"""


def hold(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def test_a_lock_of_another_process_is_refused_by_name_and_free_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "new" / ".lock"
    with hold(path) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        number = process.stdout.readline().strip()
        with pytest.raises(LockError, match=rf"new: process {number} on \S+ \(since .*\) is writing to it; wait"):
            locked(path).__enter__()
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.wait(30) == 1
    assert holder_path(path).exists()  # the crash left it, and it locks nobody out
    with locked(path), pytest.raises(LockError, match=f"process {os.getpid()} on"):
        locked(path).__enter__()
    assert not holder_path(path).exists()


def test_a_holder_that_cannot_be_read_is_another_process(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with locked(path):
        holder_path(path).unlink()
        with pytest.raises(LockError, match="another process is writing to it"):
            locked(path).__enter__()


def test_an_error_in_the_body_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path / ".lock"):
        _ = 1 / 0
    with locked(tmp_path / ".lock"):
        pass


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LockError, match=r"file.sub: cannot be written \(.*\); choose another folder"):
        locked(tmp_path / "file" / "sub" / ".lock").__enter__()
