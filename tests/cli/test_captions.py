"""The commands about captions, as a user runs them."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from anima_prompt.cli.main import commands
from tests.captions.folders import image_bytes, put_all

FILES: dict[str, str | bytes] = {
    "a.png": image_bytes(number=1), "a.txt": "mychar, 1girl, long_hair, smile\n",
    "b.png": image_bytes(number=2), "b.txt": "1girl, long hair, @wlop, backlighting\r\n",
    "c.png": image_bytes(number=3), "c.txt": "\ufeff1girl, hat\nA girl waves at the crowd.",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return put_all(tmp_path / "set", FILES)


def run(*arguments: object, code: int | None = 0) -> Result:
    result = CliRunner().invoke(commands, ["captions", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    if code is not None:
        assert result.exit_code == code, result.output
    return result


def bytes_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in sorted(folder.iterdir()) if p.is_file()}


def test_lint_reports_captions_and_set_with_places(folder: Path) -> None:
    result = run("lint", folder, "--trigger", "mychar", "--isolated", code=1)
    assert f"{folder / 'a.txt'}:1:16: warning ANI202 [*] underscore-tag" in result.stdout
    assert f"{folder / 'b.txt'}:1:1: warning CAP201 trigger-missing: the trigger 'mychar' is missing" in result.stdout
    assert (
        f"{folder / 'c.txt'}:1:1: warning CAP104 caption-encoding: the file is UTF-8 with a byte-order mark"
        in result.stdout
    )
    assert "fixable with captions fix" in result.stdout


def test_lint_selects_ignores_and_writes_json(folder: Path) -> None:
    assert run("lint", folder, "--select", "CAP2", "--isolated").stdout == "No findings.\n"
    found = json.loads(
        run("lint", folder, "--select", "CAP201", "--trigger", "mychar", "--isolated", "-f", "json", code=1).stdout
    )
    assert {row["code"] for row in found} == {"CAP201"}
    assert "CAP" not in run("lint", folder, "--ignore", "CAP", "--isolated", code=None).stdout
    assert "CAP104" in run("lint", folder, "--statistics", "--isolated", code=1).stdout


def test_rules_about_sets_are_configured_like_the_others(folder: Path) -> None:
    (folder / "anima-prompt.toml").write_text(
        'ignore = ["ANI"]\n[severities]\ncaption-encoding = "error"\n', encoding="utf-8"
    )
    assert "error CAP104" in run("lint", folder, code=1).stdout
    (folder / "anima-prompt.toml").write_text('ignore = ["ANI", "CAP104", "CAP301"]\n', encoding="utf-8")
    assert "CAP104" not in run("lint", folder).stdout


def test_an_unknown_rule_or_query_is_one_line(folder: Path) -> None:
    assert run("lint", folder, "--select", "CAP999", code=2).stderr.startswith("error: rule 'CAP999' is unknown")
    assert "did you mean artist?" in run("lint", folder, "--where", "artst:*", code=2).stderr
    assert run("lint", folder / "none", code=2).stderr.count("\n") == 1


def test_select_prints_places_paths_and_counts(folder: Path) -> None:
    assert run("select", "artist:*", folder).stdout == f"{folder / 'b.txt'}:1: 1girl, long hair, @wlop, backlighting\n"
    assert run("select", "line>1", folder, "--paths").stdout == f"{folder / 'c.txt'}\n"
    assert run("select", "hat", folder, "--images").stdout == f"{folder / 'c.png'}\n"
    assert run("select", "1girl", folder, "--count").stdout == "3\n"
    assert run("select", "nothing", folder, code=1).stdout == ""
    assert [row["index"] for row in json.loads(run("select", "1girl", folder, "--json").stdout)] == [0, 0, 0]


def test_show_lists_sections(folder: Path) -> None:
    assert "artist     @wlop" in run("show", folder).stdout
    data = json.loads(run("show", folder, "--json").stdout)
    assert data[1]["sections"]["artist"] == ["@wlop"]


def test_fix_shows_a_diff_and_writes_nothing(folder: Path) -> None:
    before = bytes_of(folder)
    result = run("fix", folder, "--isolated", code=1)
    assert "-mychar, 1girl, long_hair, smile\n+mychar, 1girl, long hair, smile\n" in result.stdout
    assert "would change 1 caption in 1 file; --apply writes them" in result.stderr
    assert bytes_of(folder) == before


def test_fix_by_instruction_is_applied_and_undone(folder: Path) -> None:
    before = bytes_of(folder)
    result = run(
        "fix",
        folder,
        "--do",
        "remove all artist and lighting tags",
        "--trigger",
        "mychar",
        "--at",
        "after:count",
        "--apply",
    )
    assert "3 files written" in result.stderr
    assert (folder / "a.txt").read_bytes() == b"1girl, mychar, long_hair, smile\n"
    assert (folder / "b.txt").read_bytes() == b"1girl, mychar, long hair\r\n"
    assert (folder / "c.txt").read_bytes() == b"\xef\xbb\xbf1girl, mychar, hat\nA girl waves at the crowd."
    assert (
        "nothing to change"
        in run(
            "fix", folder, "--do", "remove all artist and lighting tags", "--trigger", "mychar", "--at", "after:count"
        ).stderr
    )
    assert "3 files restored" in run("undo", folder).stderr
    assert bytes_of(folder) == before
    assert "nothing to undo" in run("undo", folder, code=2).stderr


def test_fix_touches_only_captions_that_fit_a_query(folder: Path) -> None:
    run("fix", folder, "--where", "artist:*", "--add", "safe", "--apply")
    assert (folder / "b.txt").read_bytes() == b"1girl, long hair, @wlop, backlighting, safe\r\n"
    assert (folder / "a.txt").read_bytes() == b"mychar, 1girl, long_hair, smile\n"


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("metadata.jsonl", '{"file_name": "a.png", "text": "1girl, @wlop", "n": 1.50}\n', '{"file_name": "a.png", "text": "1girl", "n": 1.50}\n'),
        ("metadata.csv", 'file_name,text\r\na.png,"1girl, @wlop"\r\n', 'file_name,text\r\na.png,"1girl"\r\n'),
        ("captions.json", '{"a.png": ["1girl, @wlop", "@wlop,1boy"]}', '{"a.png": ["1girl", "1boy"]}'),
        ("meta_cap.json", '{"a": {"caption": "a girl", "tags": "@wlop, smile"}}', '{"a": {"caption": "a girl", "tags": "smile"}}'),
        ("a.json", '{"quality": "", "count": "1girl", "artist": "@wlop", "tags": ["hat"]}', '{"quality": "", "count": "1girl", "artist": "", "tags": ["hat"]}'),
    ],
)  # fmt: skip
def test_fix_writes_every_format(tmp_path: Path, name: str, text: str, wanted: str) -> None:
    put_all(tmp_path, {"a.png": image_bytes(), name: text})
    run("fix", tmp_path, "--drop", "artist", "--apply")
    assert (tmp_path / name).read_bytes().decode() == wanted
    run("undo", tmp_path)
    assert (tmp_path / name).read_bytes().decode() == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--at", "middle", "--trigger", "x"), "--at is 'middle'; expected start, end, after:SECTION"),
        (("--replace", "x"), "--replace is 'x'; expected OLD=NEW"),
        (("--do", "improve"), "is not understood; write 'remove all"),
        (("--drop", "artst:*"), "field 'artst' is unknown"),
        (("--encoding", "nonsense"), "encoding 'nonsense' is unknown"),
    ],
)
def test_a_wrong_option_says_what_is_allowed(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run("fix", folder, *arguments, code=2)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_stats_in_all_forms(folder: Path, tmp_path: Path) -> None:
    assert "3 captions, 3 images" in run("stats", folder).stdout
    assert run("stats", folder, "--csv", "-").stdout.startswith("tag,section,group")
    assert json.loads(run("stats", folder, "--json").stdout)["captions"] == 3
    run("stats", folder, "--html", tmp_path / "s.html", "--csv", tmp_path / "s.csv")
    assert "<svg" in (tmp_path / "s.html").read_text(encoding="utf-8")
    assert "1girl,count" in (tmp_path / "s.csv").read_text(encoding="utf-8")


def test_an_empty_folder_says_what_is_expected(tmp_path: Path) -> None:
    for command in ("lint", "stats", "show", "fix"):
        assert "no captions: expected .txt" in run(command, tmp_path, code=None).stderr


PIECES = [
    b"1girl", b", ", b"long_hair", b"\r\n", b"\n", b"\r", b"\0", b"\xff", b"@wlop", b"(smile:1.2)", "女".encode(), b"A girl waves. ",
    b"\xef\xbb\xbf", b"{a|b}", b"\\(", b"  ", b"|||", b"smile", b'"', b"On the left, red hat. ", b"<lora:x:1>", b"# note",
]  # fmt: skip


def hostile(count: int, seed: int = 3) -> dict[str, str | bytes]:
    rng = random.Random(seed)
    files: dict[str, str | bytes] = {}
    for number in range(count):
        data = b"".join(rng.choices(PIECES, k=rng.randint(0, 12)))
        if number % 7 == 0:
            data = data.decode("utf-8", "replace").encode(rng.choice(["utf-16", "utf-16-le", "utf-8-sig"]))
        name = f"{rng.choice(['a', 'b c', '女', 'Ü'])} {number}"
        files |= {f"{name}.png": b"", f"{name}.{rng.choice(['txt', 'caption'])}": data}
    files["big.txt"], files["big.png"] = b"smile, long_hair, " * 60_000, b""
    return files


def test_hostile_files_are_edited_and_come_back(tmp_path: Path) -> None:
    folder = put_all(tmp_path / "set", hostile(300))
    before = bytes_of(folder)
    run("lint", folder, "--no-images", "--isolated", code=None)
    assert bytes_of(folder) == before
    result = run(
        "fix",
        folder,
        "--isolated",
        "--rules",
        "--trigger",
        "qzvchar",
        "--drop",
        "artist",
        "--order",
        "--apply",
        code=None,
    )
    changed = bytes_of(folder)
    assert sum(changed[name] != before[name] for name in before) > 150, result.output
    run("undo", folder)
    assert bytes_of(folder) == before


@pytest.mark.slow
def test_two_thousand_hostile_files_come_back(tmp_path: Path) -> None:
    folder = put_all(tmp_path / "set", hostile(2000, seed=5))
    before = bytes_of(folder)
    run("fix", folder, "--isolated", "--rules", "--trigger", "qzvchar", "--apply", code=None)
    run("undo", folder)
    assert bytes_of(folder) == before


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid"), reason="needs read-only files of POSIX")
def test_a_read_only_file_is_said_and_the_others_are_written(folder: Path) -> None:
    (folder / "b.txt").chmod(0o444)
    result: Any = run("fix", folder, "--add", "safe", "--apply", code=2)
    assert "b.txt: the file is read-only; not changed" in result.stderr
    assert (folder / "a.txt").read_bytes().endswith(b", safe\n")
