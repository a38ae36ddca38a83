"""The store, the linter and the grid live by the rules of Windows; see ``tests/windows.py``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path, PureWindowsPath
from types import ModuleType

import click
import pytest

from anima_infer.grid.store.files import relative_path
from anima_prompt import atomic
from anima_prompt.cli import source as sources
from anima_prompt.cli.program import run_program
from anima_prompt.lint_files.outputs import machine

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="Linux plays Windows; Windows is itself")

STORE = """
import os, sys
from pathlib import Path
from tests.windows import live_by_windows_rules
live_by_windows_rules()
from anima_prompt import Vocabulary
from anima_prompt.errors import DataFileError, LockError
from anima_prompt.lint import Document, Linter
from anima_prompt.locks import locked
from anima_prompt.vocabulary.user_store import UserStore

folder = Path(sys.argv[1])
first, second = folder / "First.csv", folder / "lower" / "first.csv"
second.parent.mkdir()
first.write_text("my_first,0,5,\\n", encoding="utf-8")
second.write_text("my_second,0,5,\\n", encoding="utf-8")
store = UserStore(folder / "data")
store.add(first)
before = Vocabulary.from_store(store)   # open from now on
assert "my_first" in before
store.add(second)                       # the same name on Windows
assert [path.name for path in store.imports()] == ["First.csv"], store.imports()
after = Vocabulary.from_store(store)
assert ("my_first" in after, "my_second" in after) == (False, True)
assert "my_first" in before
store.learn([["smile", "hat"]] * 4)
learned = Vocabulary.from_store(store)
assert learned.related("smile")[0].captions == 4
store.learn([["smile", "hat"]] * 5)     # while the counts are open
assert Vocabulary.from_store(store).related("smile")[0].captions == 5
store.imports()[0].write_text("my_third,0,5,\\n", encoding="utf-8")
assert "my_third" in Vocabulary.from_store(store)   # rebuilt while three old versions are open
for name in ("NUL", "a.", "..\\\\x", "C:x", "com1.old", ""):
    try:
        store.add(first, name=name or " ")
    except DataFileError as error:
        assert "pass another name with --name" in str(error), error
    else:
        raise AssertionError(name)
store.remove("FIRST")
assert store.imports() == []
with locked(folder / "data" / ".lock"):
    try:
        locked(folder / "data" / ".lock").__enter__()
    except LockError as error:
        assert f"process {os.getpid()}" in str(error), error
    else:
        raise AssertionError("two locks")
assert Linter().check(Document("1girl, looking_at_viewer"))
print("fine")
"""

LINT = """
import sys
from pathlib import Path
from tests.windows import live_by_windows_rules
live_by_windows_rules()
from anima_prompt.cli.main import main
main(["lint", "--fix", sys.argv[1]])
"""

GRID = """
import sys
from pathlib import Path
import torch
from tests.windows import live_by_windows_rules
live_by_windows_rules()
from anima_infer.grid.import_images import import_images
from anima_infer.grid.pages.report import write_report
from anima_infer.grid.pages.sheet import write_sheets
from anima_infer.grid.run.runner import plan_for, run_grid
from anima_infer.grid.store.contents import open_grid
from anima_infer.grid.store.manifest import read_manifest
from tests.infer.grid.conftest import Painter, grid_spec

folder = Path(sys.argv[1]) / "grid"
spec = grid_spec({"cfg": "1-3"}, seeds=2)
assert run_grid(plan_for(spec, folder), folder, Painter()).rendered == 6
lines = (folder / "manifest.jsonl").read_bytes()
assert b"\\r" not in lines
(folder / "manifest.jsonl").write_bytes(lines + b'{"key": "cut o')
summary = run_grid(plan_for(spec, folder), folder, Painter(), resume=True)
assert (summary.rendered, summary.kept) == (0, 6)
assert (folder / "manifest.jsonl").read_bytes() == lines
grid = open_grid(folder)
for _ in range(2):   # the second time over the files of the first
    write_sheets(grid, folder.parent / "sheet.png")
    write_report(grid, folder.parent / "report.html")
imported = import_images(folder / "images", folder.parent / "imported")
assert imported.imported == 6
files = {line["file"] for line in read_manifest(folder.parent / "imported")}
assert all(file.startswith("../grid/images/") for file in files), files
print("fine")
"""


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "cp1252", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)


def test_the_store_and_its_locks_work_while_old_versions_are_open(tmp_path: Path) -> None:
    done = run(STORE, tmp_path)
    assert (done.stdout, done.returncode) == ("fine\n", 0), done.stderr


def test_the_linter_fixes_a_file_and_prints_utf_8_on_a_western_console(tmp_path: Path) -> None:
    path = tmp_path / "微笑.txt"
    path.write_bytes("1girl,looking_at_viewer\r\n微笑".encode())
    done = run(LINT, path)
    assert "微笑.txt: 2 fixed" in done.stderr
    assert path.read_bytes() == "1girl, looking at viewer\r\n微笑".encode()


@pytest.mark.parametrize("program", ["anima_prompt", "anima_infer"])
def test_a_program_prints_utf_8_on_a_western_console(program: str) -> None:
    done = run(f"from {program}.cli import main; main(['微笑🙂'])")
    assert done.stderr == f"error: No such command '微笑🙂'; see '{program.replace('_', '-')} --help'\n"


def test_a_grid_is_run_resumed_and_shown(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    done = run(GRID, tmp_path)
    assert (done.stdout, done.returncode) == ("fine\n", 0), done.stderr


def test_files_elsewhere_are_named_with_slashes_or_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert relative_path(tmp_path / "a" / "b.png", tmp_path / "c") == "../a/b.png"

    def other_drive(path: Path, start: Path) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(os.path, "relpath", other_drive)
    assert relative_path(tmp_path / "b.png", tmp_path) is None


def test_a_device_of_windows_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "_WINDOWS", True)
    for name in ("NUL", "con.txt", "a."):
        with pytest.raises(OSError, match=r"the name (is reserved on Windows|ends in a dot)"):
            atomic.write_atomically(tmp_path / name, b"x")
    atomic.write_atomically(tmp_path / "console.txt", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["console.txt"]


@pytest.mark.parametrize(
    ("source", "is_text"),
    [
        (r"fern_\(sousou_no_frieren\)", True),
        (r"captions\a.txt", False),
        (r"C:\captions\a", False),
        ("C:/captions/a", False),
        (r"1girl,\(o_o\)", True),
    ],
)
def test_a_backslash_before_a_bracket_is_an_escape_and_no_folder(source: str, is_text: bool) -> None:
    assert (sources.kind_of(source) is sources.SourceKind.TEXT) is is_text


def test_sarif_names_files_on_drives_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PurePath", PureWindowsPath)
    found = [machine._uri(path) for path in (r"C:\a b\c.txt", r"a\b.txt", r"\\server\share\c.txt")]
    assert found == ["file:///C:/a%20b/c.txt", "a/b.txt", "file://server/share/c.txt"]


def test_patterns_of_files_are_expanded_where_no_shell_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.txt", "b.txt", "[c].txt"):
        (tmp_path / name).touch()
    pattern, literal, nothing = str(tmp_path / "?.txt"), str(tmp_path / "[c].txt"), str(tmp_path / "*.yaml")
    assert sources.files_of([pattern]) == [pattern]
    monkeypatch.setattr(sources, "_WINDOWS", True)
    found = [str(tmp_path / name) for name in ("a.txt", "b.txt")]
    assert sources.files_of([pattern, literal, nothing, "-"]) == [*found, literal, nothing, "-"]


def test_arguments_reach_the_programs_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = ModuleType("os")  # where click expands ~, %name%, $name and patterns
    vars(windows).update(vars(os) | {"name": "nt"})
    monkeypatch.setattr("click.core.os", windows)
    monkeypatch.setenv("b", "changed")
    text = "~/_~, {2$$a|b}, 100%%, %b%, $b, *"
    monkeypatch.setattr(sys, "argv", ["show", text])
    got: list[str] = []
    command = click.Group("show", invoke_without_command=True, callback=lambda **given: got.append(given["text"]))
    command.params.append(click.Argument(["text"]))
    with pytest.raises(SystemExit):
        run_program(command, "show")
    assert got == [text]
