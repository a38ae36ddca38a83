"""Whatever happens, every byte and every time comes back; nothing that a person wrote is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from filelock import FileLock

from anima_prompt.captions.journal import FOLDER, FileChange, apply, undo
from anima_prompt.errors import InputError, LockError
from tests.captions.folders import put_all

ROOT = Path(__file__).resolve().parents[2]
TEXTS: dict[str, bytes] = {
    "a.txt": b"1girl, smile\n", "b c.txt": b"\xef\xbb\xbf1girl\r\nhat\r\n", "女.txt": "女, smile".encode(),
    "sub/d.txt": "1girl, smile".encode("utf-16"), "sub/e.txt": b"", "sub/f.txt": b"\0\xff\xfe smile" * 3,
    "sub/long.txt": b"smile, " * 4000,
}  # fmt: skip


def new(data: bytes) -> bytes:
    return data.replace(b"smile", b"open mouth smile") + b"!"


def make(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    put_all(folder, dict(TEXTS))
    for number, name in enumerate(TEXTS):
        os.utime(folder / name, ns=(10**18 + number, 10**18 + 10 * number))
    for name in ("sub", "."):
        os.utime(folder / name, ns=(10**18, 10**18))
    return state(folder)


def state(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Return bytes, mode and time of every file, and the times of folders; the journal's folder is left out."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        name = path.relative_to(folder).as_posix()
        if not name.startswith(FOLDER):
            status = path.stat()
            found[name] = (path.read_bytes() if path.is_file() else b"", status.st_mode, status.st_mtime_ns)
    return found


def changes(folder: Path) -> list[FileChange]:
    return [FileChange(str(folder / name), data, new(data)) for name, data in TEXTS.items()]


def test_changes_are_written_and_undone_with_times(tmp_path: Path) -> None:
    before = make(tmp_path)
    outcome = apply(changes(tmp_path), str(tmp_path))
    assert (outcome.done, outcome.failures) == (len(TEXTS), [])
    assert (tmp_path / "a.txt").read_bytes() == b"1girl, open mouth smile\n!"
    undone = undo(str(tmp_path))
    assert (undone.done, undone.failures) == (len(TEXTS), [])
    assert state(tmp_path) == before
    assert not (tmp_path / FOLDER).exists()


def test_two_runs_are_undone_one_after_the_other(tmp_path: Path) -> None:
    before = make(tmp_path)
    apply(changes(tmp_path), str(tmp_path))
    between = state(tmp_path)
    apply([FileChange(str(tmp_path / "a.txt"), new(TEXTS["a.txt"]), b"third")], str(tmp_path))
    undo(str(tmp_path))
    assert {n: v[0] for n, v in state(tmp_path).items()} == {n: v[0] for n, v in between.items()}
    undo(str(tmp_path))
    assert state(tmp_path) == before
    with pytest.raises(InputError, match="nothing to undo"):
        undo(str(tmp_path))


def test_what_was_edited_by_hand_is_listed_and_left_alone(tmp_path: Path) -> None:
    make(tmp_path)
    apply(changes(tmp_path), str(tmp_path))
    (tmp_path / "a.txt").write_bytes(b"mine")
    (tmp_path / "b c.txt").unlink()
    outcome = undo(str(tmp_path))
    assert outcome.done == len(TEXTS) - 2
    assert [line.split(str(tmp_path) + os.sep)[1] for line in outcome.failures] == [
        "a.txt: was edited since; left as it is, --force restores the old text",
        "b c.txt: was deleted since; --force restores it",
    ]
    assert (tmp_path / "a.txt").read_bytes() == b"mine"
    forced = undo(str(tmp_path), force=True)
    assert forced.failures == []
    assert {name: (tmp_path / name).read_bytes() for name in TEXTS} == TEXTS


def test_a_file_that_changed_before_it_was_written_is_left_alone(tmp_path: Path) -> None:
    make(tmp_path)
    wrong = [FileChange(str(tmp_path / "a.txt"), b"other", b"x"), FileChange(str(tmp_path / "gone.txt"), b"", b"x")]
    outcome = apply(wrong, str(tmp_path))
    assert outcome.done == 0
    assert "was changed by another program" in outcome.failures[0]
    assert "cannot be changed (no such file" in outcome.failures[1]
    assert outcome.journal is None


def test_a_read_only_file_is_not_changed(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "a.txt").chmod(0o444)
    outcome = apply(changes(tmp_path), str(tmp_path))
    assert [line.rsplit(": ", 1)[1] for line in outcome.failures] == ["the file is read-only; not changed"]
    assert (tmp_path / "a.txt").read_bytes() == TEXTS["a.txt"]


def test_another_process_with_the_lock_is_said(tmp_path: Path) -> None:
    before = make(tmp_path)
    (tmp_path / FOLDER).mkdir()
    with FileLock(str(tmp_path / FOLDER / "lock")):
        with pytest.raises(LockError, match="another process is writing to it"):
            apply(changes(tmp_path), str(tmp_path))
        with pytest.raises(LockError, match="another process is writing to it"):
            apply([FileChange(str(tmp_path / "sub/d.txt"), TEXTS["sub/d.txt"], b"x")], str(tmp_path / "sub"))
    assert {n: v[0] for n, v in state(tmp_path).items() if "anima" not in n} == {n: v[0] for n, v in before.items()}


@pytest.mark.skipif(os.name == "nt", reason="needs hard and symbolic links")
def test_links_stay_links(tmp_path: Path) -> None:
    make(tmp_path)
    os.link(tmp_path / "a.txt", tmp_path / "hard.txt")
    (tmp_path / "soft.txt").symlink_to("b c.txt")
    (tmp_path / "out.txt").symlink_to(tmp_path.parent / "outside.txt")
    (tmp_path.parent / "outside.txt").write_bytes(b"outside")
    a, b = TEXTS["a.txt"], TEXTS["b c.txt"]
    outcome = apply(
        [
            FileChange(str(tmp_path / "a.txt"), a, new(a)),
            FileChange(str(tmp_path / "hard.txt"), a, new(a)),
            FileChange(str(tmp_path / "soft.txt"), b, new(b)),
            FileChange(str(tmp_path / "out.txt"), b"outside", b"x"),
        ],
        str(tmp_path),
    )
    assert outcome.done == 2
    assert ["same file" in line or "leads out" in line for line in outcome.failures] == [True, True]
    assert (tmp_path / "hard.txt").read_bytes() == new(a)
    assert (tmp_path / "hard.txt").samefile(tmp_path / "a.txt")
    assert (tmp_path / "soft.txt").is_symlink()
    assert (tmp_path / "b c.txt").read_bytes() == new(b)
    assert (tmp_path.parent / "outside.txt").read_bytes() == b"outside"
    undo(str(tmp_path))
    assert (tmp_path / "hard.txt").read_bytes() == a
    assert (tmp_path / "hard.txt").samefile(tmp_path / "a.txt")


def test_a_full_disk_stops_and_says_how_to_undo(tmp_path: Path) -> None:
    before = make(tmp_path)
    points = iter(range(100))

    def full(point: str) -> None:
        if point == "temporary opened" and next(points) == 3:
            raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="the disk is full; 3 files written"):
        apply(changes(tmp_path), str(tmp_path), checkpoint=full)
    with pytest.raises(InputError, match="an earlier run was interrupted"):
        apply(changes(tmp_path), str(tmp_path))
    undo(str(tmp_path))
    assert state(tmp_path) == before


KILLED = textwrap.dedent(
    """
    import os, sys
    from pathlib import Path
    from anima_prompt.captions.journal import apply, undo
    from tests.captions.test_journal import changes
    folder, job, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    count = 0
    def checkpoint(point):
        global count
        count += 1
        if count == number:
            os._exit(9)
    if job == "apply":
        apply(changes(folder), str(folder), checkpoint=checkpoint)
    else:
        undo(str(folder), checkpoint=checkpoint)
    """
)


def kill_at(folder: Path, job: str, number: int) -> int:
    """Run a job in a process that dies at its n-th checkpoint; return its exit code."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", KILLED, str(folder), job, str(number)]
    return subprocess.run(command, env=env, cwd=ROOT, check=False).returncode


@pytest.mark.parametrize("number", range(1, 27, 2))
def test_a_killed_run_is_undone_to_the_byte(tmp_path: Path, number: int) -> None:
    before = make(tmp_path)
    if os.name != "nt":
        os.link(tmp_path / "a.txt", tmp_path.parent / f"{tmp_path.name}-hard.txt")  # written in place
    code = kill_at(tmp_path, "apply", number)
    assert code == 9, "the run has fewer checkpoints"
    try:
        undo(str(tmp_path))
    except InputError as error:
        assert "nothing to undo" in str(error)  # noqa: PT017  killed before the journal was complete
    found = state(tmp_path)
    assert {name: row for name, row in found.items() if name != "."} == {n: r for n, r in before.items() if n != "."}


@pytest.mark.parametrize("number", [1, 2, 4, 6, 9, 12, 15, 18, 22, 24])
def test_a_killed_undo_is_finished_by_the_next(tmp_path: Path, number: int) -> None:
    before = make(tmp_path)
    apply(changes(tmp_path), str(tmp_path))
    assert kill_at(tmp_path, "undo", number) in (0, 9)
    try:
        undo(str(tmp_path))
    except InputError as error:
        assert "nothing to undo" in str(error)  # noqa: PT017  killed after the last step
    assert {n: v[:2] for n, v in state(tmp_path).items()} == {n: v[:2] for n, v in before.items()}
    assert {n: v for n, v in state(tmp_path).items() if v[0]} == {n: v for n, v in before.items() if v[0]}


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_twenty_kills_at_random_times_are_undone(tmp_path: Path) -> None:
    import random
    import signal
    import time

    folder = tmp_path / "set"
    put_all(folder, {f"{n // 100}/{n}.txt": f"1girl, long_hair, smile {n}\n" for n in range(1000)})
    for path in folder.rglob("*.txt"):
        os.utime(path, ns=(10**18, 10**18 + 7))
    before = state(folder)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "anima_prompt", "captions", "fix", str(folder), "--apply", "--jobs", "1"]
    started = time.monotonic()
    subprocess.run(command, env=env, cwd=tmp_path, check=False, capture_output=True)
    whole = time.monotonic() - started
    undo(str(folder))
    rng = random.Random(1)
    for _ in range(20):
        process = subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(whole * rng.uniform(0.3, 1.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        try:
            undo(str(folder))
        except InputError as error:
            assert "nothing to undo" in str(error)  # noqa: PT017
        assert {n: v for n, v in state(folder).items() if v[0]} == {n: v for n, v in before.items() if v[0]}


def test_undo_below_the_journal_says_where_it_is(tmp_path: Path) -> None:
    make(tmp_path)
    apply(changes(tmp_path), str(tmp_path))
    with pytest.raises(InputError, match="nothing to undo; the journal is in"):
        undo(str(tmp_path / "sub"))
