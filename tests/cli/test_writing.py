"""Facts about what ``anima-prompt`` writes to, and what it leaves alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_cli import COMMAND, run
from tests.lint_files.images import PARAMETERS, save
from tests.systems import links, posix

LINES = "1girl,, smile\n"


@pytest.mark.parametrize("command", [("lint", "--fix"), ("fmt",), ("lint", "--add-ignore")], ids=" ".join)
def test_a_read_only_file_is_left_and_the_others_are_written(command: tuple[str, ...], tmp_path: Path) -> None:
    kept, changed = tmp_path / "a.txt", tmp_path / "b.txt"
    for path in (kept, changed):
        path.write_text(LINES)
    kept.chmod(0o444)
    done = run(command[0], str(kept), str(changed), *command[1:])
    assert done.returncode == 2
    assert f"error: {kept}: cannot be written (the file is read-only); the file was not changed\n" in done.stderr
    assert kept.read_text() == LINES
    assert changed.read_text() != LINES


def test_findings_of_a_file_that_could_not_be_written_are_still_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(LINES)
    path.chmod(0o444)
    assert "empty-tag" in run("lint", str(path), "--fix", "-f", "json").stdout


def test_findings_of_a_kind_of_file_that_takes_no_fixes_are_still_shown(tmp_path: Path) -> None:
    save(tmp_path / "a.png", parameters=PARAMETERS)
    before = run("lint", str(tmp_path), "-f", "json")
    after = run("lint", str(tmp_path), "-f", "json", "--fix")
    assert (after.stdout, after.returncode) == (before.stdout, before.returncode)
    assert "fixes" in before.stdout


@links
def test_a_link_in_a_folder_is_followed_inside_it_alone(tmp_path: Path) -> None:
    folder, outside = tmp_path / "in", tmp_path / "outside.txt"
    folder.mkdir()
    outside.write_text(LINES)
    (folder / "real.text").write_text(LINES)
    (folder / "inside.txt").symlink_to("real.text")
    (folder / "outside.txt").symlink_to("../outside.txt")
    done = run("lint", str(folder), "--fix")
    assert done.returncode == 2
    assert "outside.txt: is a symbolic link that leads out of" in done.stderr
    assert (outside.read_text(), (folder / "real.text").read_text()) == (LINES, "1girl, smile\n")
    assert (folder / "inside.txt").is_symlink()
    assert run("lint", str(folder / "outside.txt"), "--fix").returncode == 0, "a link that was named is followed"
    assert outside.read_text() == "1girl, smile\n"
    assert (folder / "outside.txt").is_symlink()


@posix
@pytest.mark.parametrize("target", ["/dev/stdout", "/dev/fd/1", "out.txt", "-"])
def test_output_to_standard_output_keeps_earlier_output(target: str, tmp_path: Path) -> None:
    script = f'echo earlier; "{COMMAND}" lint 1girl -f concise -o {target}; echo later'
    with (tmp_path / "out.txt").open("w") as out:
        subprocess.run(["/bin/sh", "-c", script], stdout=out, cwd=tmp_path, check=True, timeout=60)
    lines = (tmp_path / "out.txt").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("earlier", "later")
    assert "missing-safety" in lines[1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_output_to_a_full_device_is_one_line_and_two() -> None:
    done = run("lint", "1girl", "-o", "/dev/full")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert Path("/dev/full").is_char_device()


def test_add_ignore_keeps_what_a_sidecar_had(tmp_path: Path) -> None:
    save(tmp_path / "b.png", parameters=PARAMETERS)
    sidecar = tmp_path / "b.png.anima-ignore"
    sidecar.write_text("ANI410 we say it elsewhere\n")
    run("lint", str(tmp_path), "--add-ignore")
    assert sidecar.read_text().startswith("ANI410 we say it elsewhere\nANI")


def test_add_ignore_writes_a_comment_above_every_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1girl,, smile\n1girl, long_hair\n")
    run("lint", str(path), "--lines", "--add-ignore")
    lines = path.read_text().splitlines()
    assert [lines[1], lines[3]] == ["1girl,, smile", "1girl, long_hair"]
    assert run("lint", str(path), "--lines", "-f", "concise").stdout == "No findings.\n"


@links
def test_a_broken_link_is_an_error_and_not_a_prompt(tmp_path: Path) -> None:
    (tmp_path / "smile").symlink_to("nowhere")
    for command in ("lint", "parse", "fmt"):
        done = run(command, "smile", cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="the system has no /dev/zero")
@pytest.mark.parametrize("command", [("lint",), ("parse",), ("fmt",), ("tags", "import"), ("lint", "a", "--config")])
def test_a_device_that_never_ends_is_refused(command: tuple[str, ...]) -> None:
    done = run(*command, "/dev/zero")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_fifo_in_a_folder_is_skipped(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text(LINES)
    assert "empty-tag" in run("lint", str(tmp_path)).stdout
