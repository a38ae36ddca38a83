"""Facts about streams that are closed or full, control characters, and arguments that make no sense."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from anima_prompt.cli.main import main
from anima_prompt.lint_files.outputs import FORMATS
from tests.cli.test_cli import COMMAND, run
from tests.systems import posix

CONTROLS = "".join(map(chr, (*range(1, 9), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0)))) + "\u202e\u2066\u2028"
HOSTILE = f"1girl, \x1b[31mred\x1b[0m{CONTROLS}, (long_hair\u202e, \x9b5m. \u202eA girl smiles. x\ufeff"


def shell(command: str) -> subprocess.CompletedProcess[str]:
    script = command.replace("anima-prompt", f'"{COMMAND}"')
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done


@posix
@pytest.mark.parametrize("command", ["lint -", "parse -", "fmt -", "build -", "convert --from a1111 --to comfyui"])
def test_a_closed_standard_input_is_one_line(command: str) -> None:
    done = shell(f"anima-prompt {command} <&-")
    assert (done.returncode, done.stderr) == (2, "error: standard input: is closed; pass a readable text file\n")


@posix
@pytest.mark.parametrize(
    "command", ["lint 1girl", "lint 1girl -f json", "parse 1girl", "tags export", "rule", "--help"]
)
def test_a_closed_standard_output_is_one_line(command: str) -> None:
    done = shell(f"anima-prompt {command} >&-")
    assert (done.returncode, done.stderr) == (2, "error: standard output is closed; open it, or write to a file\n")


@posix
def test_closed_streams_do_not_matter_to_a_command_that_does_not_need_them(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    assert shell(f"anima-prompt lint 1girl -f json -o {path} <&- >&-").returncode == 0
    assert json.loads(path.read_text())
    assert shell("anima-prompt lint 1girl >/dev/null 2>&-").returncode == 0
    assert shell("anima-prompt lint - <&- >&- 2>&-").returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize(
    "command", ["lint 1girl", "lint 1girl -f json", "parse 1girl", "tags export", "rule", "schema"]
)
def test_a_full_disk_is_one_line(command: str) -> None:
    done = shell(f"anima-prompt {command} > /dev/full")
    assert done.returncode == 2
    assert done.stderr == (
        "error: standard output cannot be written (no space left on device); the output is incomplete\n"
    )


@pytest.mark.parametrize("form", FORMATS)
def test_no_form_writes_control_characters(form: str) -> None:
    done = run("lint", HOSTILE, "-f", form)
    assert not set(done.stdout) & set(CONTROLS + "\x1b\u202e")
    if form == "text":
        assert r"\x1b[31mred" in done.stdout
    if form == "json":
        assert json.loads(done.stdout)


def test_no_message_and_no_table_contains_control_characters(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31m.txt").write_text("1girl,, smile")
    for arguments in (
        ["parse", HOSTILE],
        ["parse", HOSTILE, "--json"],
        ["convert", "--from", "a1111", "--to", "plain", HOSTILE, "--json"],
        ["tags", "show", HOSTILE],
        ["tags", "search", HOSTILE],
        ["profiles", HOSTILE],
        ["rule", HOSTILE],
        ["fmt", HOSTILE],
        ["lint", "1girl", "--profile", HOSTILE],
        ["lint", "1girl", "--role", HOSTILE],
        ["lint", f"{HOSTILE}.txt"],
        [HOSTILE],
        ["fmt", "--check", str(tmp_path / "a\x1b[31m.txt")],
        ["lint", str(tmp_path)],
        ["lint", str(tmp_path), "--fix"],
    ):
        done = run(*arguments)
        assert not set(done.stdout + done.stderr) & set(CONTROLS + "\x1b\u202e"), arguments


def test_a_text_into_a_pipe_keeps_every_byte() -> None:
    text = f"1girl, {HOSTILE[7:]}\n"
    assert run("fmt", "-", stdin="smile \x1b[31m\u202e, hat\n").stdout == "smile \x1b[31m\u202e, hat\n"
    assert "\x1b[31m" in run("convert", "--from", "comfyui", "--to", "comfyui", text).stdout


@posix
def test_a_text_on_a_terminal_shows_escapes() -> None:
    import pty

    leader, follower = pty.openpty()
    subprocess.run([COMMAND, "fmt", "-"], input=b"smile \x1b]0;title\x07\n", stdout=follower, check=True, timeout=60)
    os.close(follower)
    shown = os.read(leader, 1000)
    os.close(leader)
    assert shown == b"smile \\x1b]0;title\\x07\r\n"


@pytest.mark.parametrize("form", FORMATS)
def test_no_form_calls_an_unreadable_file_clean(form: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(b"\xff\xfe\xfa")
    done = run("lint", str(path), "-f", form)
    assert done.returncode == 2
    assert "No findings" not in done.stdout
    assert "clean" not in done.stdout
    if form in ("text", "concise"):
        assert done.stdout == "Nothing was linted; 1 error.\n"
    else:
        assert "is UTF-16; save it as UTF-8" in done.stdout


def test_errors_are_counted_beside_findings(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xfa")
    (tmp_path / "b.txt").write_text("1girl, smile")
    assert run("lint", str(tmp_path)).stdout.endswith("; 1 error.\n")
    clean = run("lint", str(tmp_path), "--ignore", "ALL")
    assert clean.stdout == "No findings in the readable files; 1 error.\n"
    assert "1 error" in run("lint", str(tmp_path), "--ignore", "ALL", "--statistics").stdout


def test_the_row_of_a_bad_record_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "1girl"}\n{oops\n')
    rows = json.loads(run("lint", str(path), "-f", "json").stdout)
    assert [row["line"] for row in rows if row["name"] == "unreadable-input"] == [2]


HOSTILE_ARGUMENTS = [
    "",
    "\0",
    "a\0b",
    "x" * 5000,
    "\ud83d",
    "caf\udce9",
    "a\nb.txt",
    "\n",
    "[/x]",
    "{0.a}",
    "%s",
    "..",
    "*" * 99,
]
COMMANDS = [
    ["parse", "?"],
    ["fmt", "?"],
    ["build", "?"],
    ["convert", "--from", "a1111", "--to", "plain", "?"],
    ["profiles", "?"],
    ["rule", "?"],
    ["tokens", "a", "--tokenizers", "?"],
    ["tags", "show", "?"],
    ["tags", "search", "?"],
    ["tags", "group", "?"],
    ["tags", "import", "?"],
    ["tags", "import", "a.txt", "--name", "?"],
    ["tags", "forget", "?"],
    ["lint", "1girl", "--profile", "?"],
    ["lint", "1girl", "--config", "?"],
    ["lint", "1girl", "--select", "?"],
    ["lint", "1girl", "--size", "?"],
    ["lint", "1girl", "--negative", "?"],
    ["?"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_argument_gives_a_traceback_or_a_long_message(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for argument in HOSTILE_ARGUMENTS:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace") for _ in "oe")
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as left:
            main([argument if part == "?" else part for part in command])
        err.flush()
        message = err.buffer.getvalue().decode()
        assert left.value.code in (0, 1, 2)
        if left.value.code == 2:
            assert len(message.splitlines()) == 1
            assert len(message) < 700


def test_an_import_has_no_path_for_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("smile\n")
    done = run("tags", "import", str(tmp_path / "a.txt"), "--category", "general", "--name", "../../b")
    assert done.returncode == 2
    assert "name is '../../b'" in done.stderr
