"""Facts about many files: order and processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from anima_prompt.errors import InputError
from anima_prompt.lint_files.configuration import Use
from anima_prompt.lint_files.runner import FileLinter, Options, expand, reports


def batch(*, cached: bool = False, **choices: tuple[str, ...]) -> FileLinter:
    return FileLinter(Options(Use(), choices, None, isolated=True, cached=cached, settings={}))


def folder_of(tmp_path: Path, count: int) -> list[str]:
    for number in range(count):
        path = tmp_path / f"{number % 7}" / f"{number:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"1girl, looking_at_viewer, hair {number}\n")
    (tmp_path / "3" / "broken.txt").write_bytes(b"\xff\xfe\xfa")
    return expand([str(tmp_path)], batch())


def test_processes_change_neither_order_nor_findings(tmp_path: Path) -> None:
    files = folder_of(tmp_path, 600)
    alone = list(reports(files, batch(), jobs=1))
    shared = list(reports(files, batch(), jobs=2))
    assert [report.path for report in shared] == files == sorted(files)
    assert shared == alone
    assert sum(len(report.errors) for report in shared) == 1


def test_a_folder_leaves_out_what_is_hidden_or_excluded(tmp_path: Path) -> None:
    for name in ("a.txt", ".git/b.txt", "old/c.txt", "d.md", "e.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("1girl")
    (tmp_path / "anima-prompt.toml").write_text("exclude = ['old/']\n")
    found = expand([str(tmp_path)], FileLinter(Options(Use(), {}, None, isolated=False, cached=False, settings={})))
    assert [Path(file).name for file in found] == ["a.txt", "e.yaml"]


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(InputError, match="nowhere"):
        expand(["nowhere/at/all.txt"], batch())
