"""Facts about many files: order, processes, the cache."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from anima_prompt.errors import InputError
from anima_prompt.lint.config import Config
from anima_prompt.lint.document import Document
from anima_prompt.lint.linter import lint
from anima_prompt.lint.registry import all_rules
from anima_prompt.lint_files.cache import Cache, document_key, setup_digest
from anima_prompt.lint_files.configuration import Use
from anima_prompt.lint_files.runner import Batch, Options, expand, reports


def batch(*, cached: bool = False, **choices: tuple[str, ...]) -> Batch:
    return Batch(Options(Use(), choices, None, isolated=True, cached=cached, settings={}))


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
    found = expand([str(tmp_path)], Batch(Options(Use(), {}, None, isolated=False, cached=False, settings={})))
    assert [Path(file).name for file in found] == ["a.txt", "e.yaml"]


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(InputError, match="nowhere"):
        expand(["nowhere/at/all.txt"], batch())


def test_the_cache_says_what_the_rules_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = folder_of(tmp_path / "files", 20)
    monkeypatch.setattr(Cache, "default", classmethod(lambda cls: cls(tmp_path / "cache" / "lint.sqlite")))
    first = list(reports(files, batch(cached=True), jobs=1))
    asked = []
    monkeypatch.setattr("anima_prompt.lint.linter.Linter.check", lambda self, document: asked.append(document) or [])
    assert list(reports(files, batch(cached=True), jobs=1)) == first
    assert asked == []
    list(reports(files, batch(cached=True, ignore=("ANI903",)), jobs=1))
    assert len(asked) == 20, "another choice of rules asks again"


def test_a_damaged_cache_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "lint.sqlite"
    path.write_bytes(b"no database" * 1000)
    cache = Cache(path)
    key = document_key("x", Document("1girl"))
    assert cache.get(key) is None
    cache.put({key: lint("1girl, looking_at_viewer")})
    again = Cache(path)
    again.put({key: lint("1girl, looking_at_viewer")})
    assert Cache(path).get(key) == lint("1girl, looking_at_viewer")


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "lint.sqlite")
    assert cache.get(b"x") is None
    cache.put({b"x": []})


def test_the_digest_depends_on_every_choice() -> None:
    rules = all_rules()
    configs = [Config(), Config(ignore=("ANI1",)), Config(words=frozenset(["a"])), Config(select=("ANI1",))]
    configs.append(Config(extend_safe_fixes=("ANI101",)))
    assert len({setup_digest(config, rules) for config in configs}) == len(configs)
    assert setup_digest(Config(), rules) == setup_digest(Config(), rules)
    assert setup_digest(Config(), rules[1:]) != setup_digest(Config(), rules)


def test_the_key_depends_on_all_of_a_document() -> None:
    documents = [Document("a"), Document("a", "b"), Document("a", profile="turbo-1.1"), Document("b")]
    assert len({document_key("s", document) for document in documents}) == len(documents)


def test_the_cache_is_a_database_of_its_own_kind(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "lint.sqlite")
    cache.put({b"k": lint("1girl, (smile")})
    rows = sqlite3.connect(tmp_path / "lint.sqlite").execute("SELECT count(*) FROM said").fetchone()
    assert rows == (1,)
