"""Facts about cached results: a change of any input is a miss, and a bad cache changes no result."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.lint.config import Config
from anima_prompt.lint.document import Document, Role, Settings
from anima_prompt.lint.linter import lint
from anima_prompt.lint.registry import all_rules, rule_named
from anima_prompt.lint.word_rules import read_rules
from anima_prompt.lint_files import cache_key
from anima_prompt.lint_files.cache import Cache
from anima_prompt.lint_files.cache_key import result_key
from anima_prompt.lint_files.runner import FileLinter, Options, Report, reports
from anima_prompt.vocabulary.packs import data_folder
from anima_prompt.vocabulary.user_store import UserStore

DOCUMENT = Document("1girl, looking_at_viewer")
FOUND = lint(DOCUMENT.prompt)
NEW_CONFIG: dict[str, Any] = {
    "select": ("ANI1",),
    "extend_select": ("ANI001",),
    "ignore": ("ANI1",),
    "fixable": ("ANI1",),
    "unfixable": ("ANI1",),
    "extend_safe_fixes": ("ANI101",),
    "extend_unsafe_fixes": ("ANI101",),
    "severities": {"ANI101": Severity.INFO},
    "words": frozenset(["a"]),
}
NEW_DOCUMENT: dict[str, Any] = {
    "prompt": "1girl, looking_at_viewers",
    "negative": "blurry",
    "role": Role.CAPTION,
    "dialect": Dialect.A1111,
    "profile": "turbo-1.1",
    "settings": Settings(steps=3),
}


def key(document: Document = DOCUMENT, config: Config | None = None) -> bytes:
    return result_key(document, config or Config(), all_rules())


def rewritten(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Change a file's content and give it back its time stamps."""
    stamp = path.stat()
    path.write_bytes(change(path.read_bytes()))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def test_the_same_inputs_have_the_same_key_in_another_process() -> None:
    code = (
        "from tests.lint_files.test_cache import key, Config; print(key().hex());"
        "print(key(config=Config(words=frozenset('abcdefgh'))).hex())"
    )
    path = os.pathsep.join((str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")))
    seeds = [{**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path} for seed in ("1", "2")]
    printed = [
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
        for env in seeds
    ]
    assert printed[0] == printed[1] != ""


@pytest.mark.parametrize("name", [field.name for field in fields(Document)])
def test_a_change_of_the_document_is_a_miss(name: str) -> None:
    assert key(replace(DOCUMENT, **{name: NEW_DOCUMENT[name]})) != key()


@pytest.mark.parametrize("name", [field.name for field in fields(Config)])
def test_a_change_of_the_configuration_is_a_miss(name: str) -> None:
    assert key(config=replace(Config(), **{name: NEW_CONFIG[name]})) != key()


def test_a_change_of_the_rules_is_a_miss() -> None:
    rules = all_rules()
    keys = {result_key(DOCUMENT, Config(), rules), result_key(DOCUMENT, Config(), rules[1:])}
    for change in (
        {"severity": Severity.ERROR},
        {"name": "other"},
        {"needs": "~"},
        {"roles": frozenset((Role.CAPTION,))},
    ):
        keys.add(result_key(DOCUMENT, Config(), (replace(rules[0], **change), *rules[1:])))  # type: ignore[arg-type]
    assert len(keys) == 6


def test_a_change_of_a_word_in_a_rule_file_is_a_miss(tmp_path: Path) -> None:
    keys = set()
    for word in ("hat", "cap"):
        path = tmp_path / "rules.yaml"
        path.write_text(
            f"- code: MYR101\n  name: mine\n  severity: info\n  message: no\n  reason: no\n  words: [{word}]\n"
        )
        keys.add(result_key(DOCUMENT, Config(), (*all_rules(), *read_rules(path))))
    assert len(keys) == 2


def test_a_change_of_a_profile_is_a_miss_though_its_name_and_time_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: base-1.0\nsteps: 30\n")
    document = replace(DOCUMENT, profile=str(path))
    before = key(document)
    rewritten(path, lambda content: content.replace(b"30", b"31"))
    assert key(document) != before


def test_a_change_of_a_pack_is_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("tags", "artists"):
        shutil.copytree(data_folder() / part, tmp_path / part)
    monkeypatch.setattr(cache_key, "data_folder", lambda: tmp_path)
    keys = {key()}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    for path in files:
        rewritten(path, lambda content: content[:-1] + b"~")
        keys.add(key())
    assert len(keys) == len(files) + 1 > 10


def test_a_change_of_the_code_is_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(cache_key._PACKAGE, tmp_path / "p", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache_key, "_PACKAGE", tmp_path / "p")
    keys = {key()}
    for name in ("lint/rule.py", "syntax/parser.py", "profiles/releases.yaml"):
        rewritten(tmp_path / "p" / name, lambda content: content.replace(b"e", b"a", 1))
        keys.add(key())
    assert len(keys) == 4


def test_a_change_of_what_the_user_imported_is_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = UserStore(tmp_path)
    monkeypatch.setattr(UserStore, "default", classmethod(lambda cls: store))
    keys = {key()}
    for name in ("imports/a.csv", "overlays/a.csv", "relations/a.csv", store.store.name, store.learned.name):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("smile,0,100,\n")
        keys.add(key())
        if path.suffix == ".csv":
            rewritten(path, lambda content: content.replace(b"100", b"101"))
        else:
            path.unlink()
            path.write_text("smile,0,101,\nx")
        keys.add(key())
    assert len(keys) == 11


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache's file, in a folder of its own."""
    path = tmp_path / "cache" / "lint.sqlite"
    monkeypatch.setattr(Cache, "default", classmethod(lambda cls: cls(path)))
    return path


def linted(folder: Path, **options: Any) -> tuple[list[Report], FileLinter]:
    batch = FileLinter(Options(**{"isolated": True, **options}))
    return list(reports([str(path) for path in sorted(folder.glob("*.txt"))], batch, jobs=1)), batch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty prompts."""
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number:02}.txt").write_text(f"1girl, looking_at_viewer, hair {number}\n")
    return folder


def test_a_cached_result_is_the_same(folder: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = linted(folder)
    checked = []
    monkeypatch.setattr("anima_prompt.lint.linter.Linter.check", lambda self, document: checked.append(document) or [])
    assert linted(folder)[0] == first
    assert checked == []
    linted(folder, choices={"ignore": ("ANI903",)})
    assert len(checked) == 20


def test_a_changed_profile_file_changes_the_findings(tmp_path: Path, place: Path, folder: Path) -> None:
    from anima_prompt.lint_files.configuration import Use

    path = tmp_path / "mine.yaml"
    settings = {"steps": "40"}
    for steps in ("30-50", "10-20"):
        path.write_text(f"extends: base-1.0\nsteps_range: {steps}\n")
        found, _ = linted(folder, use=Use(profile=str(path)), settings=settings)
        names = {d.name for report in found for piece in report.diagnostics for d in piece}
        assert ("sampler-settings" in names) == (steps == "10-20")


def spoil_start(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def spoil_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 17])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def other_table(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE result (a, b)")
    connection.close()


def other_text(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE result SET text = replace(text, 'underscores', 'overscores')")
    connection.close()


def no_json(path: Path) -> None:
    from anima_prompt.lint_files.cache import _digest

    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE result SET text = '[[1]]', digest = ?", (_digest("[[1]]"),))
    connection.close()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def no_folder(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text("a file")


@pytest.mark.parametrize(
    "damage", [spoil_start, spoil_middle, cut, empty, other_table, other_text, no_json, a_folder, no_folder]
)
def test_a_damaged_cache_changes_no_result(folder: Path, place: Path, damage: Callable[[Path], None]) -> None:
    right, _ = linted(folder)
    damage(place)
    for _ in range(3):
        found, batch = linted(folder)
        assert found == right
        assert "\n" not in batch.cache_problem


def test_a_damaged_cache_is_replaced(folder: Path, place: Path) -> None:
    right, _ = linted(folder)
    spoil_start(place)
    linted(folder)
    connection = sqlite3.connect(place)
    assert connection.execute("SELECT count(*) FROM result").fetchone() == (20,)
    connection.close()
    assert linted(folder)[0] == right


def test_a_locked_cache_is_left_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anima_prompt.lint_files.cache._SECONDS", 0.05)
    first = Cache(place)
    first.put({b"a": FOUND})
    holder = sqlite3.connect(place, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    second = Cache(place)
    assert second.get(b"a") is None
    second.put({b"b": FOUND})
    assert "locked" in second.problem
    holder.execute("COMMIT")
    holder.close()
    assert Cache(place).get(b"a") == FOUND, "a sound file is not deleted"


def test_a_result_with_very_many_diagnostics_is_not_kept(place: Path) -> None:
    cache = Cache(place)
    cache.put({b"few": FOUND, b"many": FOUND * 2000})
    assert (cache.get(b"few"), cache.get(b"many")) == (FOUND, None)


def test_two_processes_at_once_give_the_same_and_warn_at_most_once(folder: Path, tmp_path: Path) -> None:
    env = {**os.environ, "ANIMA_PROMPT_DATA": str(tmp_path / "data")}
    command = [sys.executable, "-m", "anima_prompt", "lint", str(folder), "-f", "json"]
    running = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    done = [process.communicate(timeout=120) for process in running]
    assert len({out for out, _ in done}) == 1
    assert len(json.loads(done[0][0])) > 20
    assert all(len(err.splitlines()) <= 1 for _, err in done)


def test_a_cache_that_cannot_be_used_gives_one_warning_and_no_other_exit_code(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    env = {**os.environ, "ANIMA_PROMPT_DATA": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-m", "anima_prompt", "lint", str(folder), "-f", "concise"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be used as the cache" in done.stderr


def test_a_plug_in_s_source_is_in_the_key(tmp_path: Path) -> None:
    from tests.lint.test_plugins import run

    rule = rule_named("typo")
    assert rule.check_tag or rule.check
    (tmp_path / "a.txt").write_text("1girl\n")
    for word in ("seen once", "seen twice"):
        module = f"def check(context):\n    yield Finding(0, 1, {word!r})\nRULES = [rule(check=check)]"
        assert word in run(tmp_path, module, str(tmp_path / "a.txt")).stdout
