"""Facts about ``anima-prompt lint`` and ``anima-prompt rule``, run as a user runs them."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from pathlib import Path

import pytest

from anima_prompt.cli.lint import interruption
from tests.cli.test_cli import COMMAND, run
from tests.lint_files.images import PARAMETERS, save


def test_a_clean_prompt() -> None:
    done = run("lint", "masterpiece, best quality, safe, 1girl, hatsune miku, vocaloid, @wlop, smile, outdoors")
    assert (done.returncode, done.stderr) == (0, "")


def test_findings_make_the_exit_code_one() -> None:
    done = run("lint", "masterpiece, 1girl, looking_at_viewer, (smile")
    assert done.returncode == 1
    assert "<text>:1:21" in done.stdout
    assert "^^^^^^^^^^^^^^^^^" in done.stdout
    assert "fixable with --fix" in done.stdout
    assert run("lint", "1girl, looking_at_viewer", "--exit-zero").returncode == 0
    assert run("lint", "1girl, looking_at_viewer", "--ignore", "ALL").returncode == 0


def test_a_bad_file_makes_it_two_and_the_rest_is_linted(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("赤い髪".encode("shift-jis"))
    (tmp_path / "b.txt").write_text("1girl, looking_at_viewer\n")
    (tmp_path / "c.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    done = run("lint", str(tmp_path), "-f", "concise")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 2
    assert "b.txt:1:8" in done.stdout


def test_the_least_severity() -> None:
    text = "1girl, smile"
    assert "ANI903" in run("lint", text, "-f", "concise").stdout
    assert "ANI903" not in run("lint", text, "-f", "concise", "--severity", "warning").stdout
    assert run("lint", text, "--fail-on", "info").returncode == 1


def test_fix_prints_a_text_and_says_the_rest_beside() -> None:
    done = run("lint", "masterpiece, 1girl, looking_at_viewer,, smile", "--fix")
    assert done.stdout == "masterpiece, 1girl, looking at viewer, smile\n"
    assert "looking_at_viewer" not in done.stderr


def test_fix_reads_standard_input() -> None:
    assert run("lint", "-", "--fix", stdin="1girl, short_hair\n").stdout == "1girl, short hair\n"


def test_fix_writes_files_and_leaves_the_rest(tmp_path: Path) -> None:
    caption, records, prompt = tmp_path / "a.txt", tmp_path / "b.jsonl", tmp_path / "c.yaml"
    caption.write_bytes(b"1girl, short_hair\r\n---\r\nbad_hands\r\n")
    records.write_text('{"id": 1, "prompt": "1girl, short_hair"}\n{oops\n')
    prompt.write_text("count: 1girl\ngeneral: [short_hair]\n")
    done = run("lint", str(tmp_path), "--fix")
    assert caption.read_bytes() == b"1girl, short hair\r\n---\r\nbad hands\r\n"
    assert records.read_text() == '{"id": 1, "prompt": "1girl, short hair"}\n{oops\n'
    assert prompt.read_text() == "count: 1girl\ngeneral: [short_hair]\n"
    assert done.returncode == 2
    before = caption.stat().st_mtime_ns
    run("lint", str(caption), "--fix")
    assert caption.stat().st_mtime_ns == before, "nothing to fix writes nothing"


def test_unsafe_fixes_need_their_own_word() -> None:
    text = "1girl, (smile:1.2), 8k"
    assert run("lint", text, "--fix").stdout == f"{text}\n"
    assert run("lint", text, "--unsafe-fixes").stdout == "masterpiece, best quality, safe, 1girl, (smile:1.2)\n"


def test_diff_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1girl, short_hair\n")
    done = run("lint", str(path), "--diff")
    assert done.returncode == 1
    assert "-1girl, short_hair\n+1girl, short hair" in done.stdout
    assert path.read_text() == "1girl, short_hair\n"
    path.write_text("1girl, short hair\n")
    assert (run("lint", str(path), "--diff").returncode, run("lint", str(path), "--diff").stdout) == (0, "")


def test_statistics_counts_by_rule() -> None:
    done = run("lint", "1girl, short_hair, red_eyes, smile", "--statistics")
    assert "2  ANI201" in done.stdout or "2  ANI" in done.stdout
    assert "^" not in done.stdout


def test_add_ignore_makes_a_folder_quiet(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1girl, short_hair\n")
    save(tmp_path / "b.png", parameters=PARAMETERS)
    assert run("lint", str(tmp_path)).returncode == 1
    run("lint", str(tmp_path), "--add-ignore")
    assert (tmp_path / "a.txt").read_text().startswith("# anima: ignore ANI")
    assert (tmp_path / "a.txt").read_text().endswith("\n1girl, short_hair\n")
    done = run("lint", str(tmp_path), "-f", "concise")
    assert (done.returncode, done.stdout) == (0, "No findings.\n")


def test_output_into_a_file(tmp_path: Path) -> None:
    target = tmp_path / "found.json"
    done = run("lint", "1girl, short_hair", "-f", "json", "-o", str(target))
    assert done.stdout == ""
    assert json.loads(target.read_text())[0]["path"] == "<text>"


def test_settings_reach_the_rules() -> None:
    found = json.loads(run("lint", "1girl, smile, @wlop", "--cfg", "14", "--steps", "3", "-f", "json").stdout)
    assert {row["code"][:4] for row in found if row["severity"] != "info"} == {"ANI9"}
    assert run("lint", "1girl", "--size", "big").returncode == 2


def test_a_configuration_file_is_used(tmp_path: Path) -> None:
    (tmp_path / "anima-prompt.toml").write_text("select = ['underscore-tag']\n")
    (tmp_path / "a.txt").write_text("1girl, short_hair, (smile\n")
    found = json.loads(run("lint", "a.txt", "-f", "json", cwd=tmp_path).stdout)
    assert [row["name"] for row in found] == ["underscore-tag"]
    assert len(json.loads(run("lint", "a.txt", "-f", "json", "--isolated", cwd=tmp_path).stdout)) > 1
    (tmp_path / "anima-prompt.toml").write_text("\nslect = []\n")
    done = run("lint", "a.txt", cwd=tmp_path)
    assert done.returncode == 2
    assert "anima-prompt.toml:2:1: key 'slect' is unknown" in done.stderr


def test_mistakes_on_the_command_line_get_one_line() -> None:
    for arguments in (
        ["nowhere.txt"],
        ["1girl", "--select", "ANI99"],
        ["1girl", "--profile", "huge"],
        ["a", "b c", "--negative", "x"],
    ):
        done = run("lint", *arguments)
        assert done.returncode == 2, arguments
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_rule_explains() -> None:
    done = run("rule", "underscore-tag")
    assert done.returncode == 0
    assert "ANI" in done.stdout
    assert "Bad" in done.stdout
    assert run("rule", "underscore-tga").returncode == 2
    assert "underscore-tag" in run("rule", "underscore-tga").stderr
    rules = json.loads(run("rule", "--json").stdout)
    assert len(rules) >= 80
    assert len(run("rule").stdout.splitlines()) >= len(rules)


@pytest.mark.slow
def test_watch_reads_a_changed_configuration_and_profile(tmp_path: Path) -> None:
    path, profile, config = tmp_path / "a.txt", tmp_path / "mine.yaml", tmp_path / "anima-prompt.toml"
    path.write_text("1girl, short_hair\n")
    profile.write_text("extends: base-1.0\nsteps_range: 30-50\n")
    config.write_text("select = ['underscore-tag', 'sampler-settings']\n")
    command = [COMMAND, "lint", str(path), "--watch", "-f", "concise", "--profile", str(profile), "--steps", "40"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None

        def next_run() -> str:
            text = ""
            while "Found" not in text and "No findings" not in text:
                assert child.stdout is not None
                text += child.stdout.readline()
            return text

        assert "sampler-settings" not in next_run()
        profile.write_text("extends: base-1.0\nsteps_range: 10-20\n")
        assert "sampler-settings" in next_run()
        config.write_text("select = ['sampler-settings']\n")
        assert "underscore-tag" not in next_run()
        child.send_signal(signal.SIGINT)
        assert child.wait(10) == 0
    finally:
        child.kill()
        child.communicate()


@pytest.mark.slow
def test_watch_lints_again_when_a_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1girl, short_hair\n")
    child = subprocess.Popen(
        [COMMAND, "lint", str(path), "--watch", "-f", "concise"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        text = ""
        while "Found" not in text:
            text += child.stdout.readline()
        assert "short hair" in text
        path.write_text("1girl, red_eyes\n")
        while "red eyes" not in text:
            text += child.stdout.readline()
        child.send_signal(signal.SIGINT)
        assert child.wait(10) == 0
        assert child.stdout.read().count("Found") <= 1
    finally:
        child.kill()
        child.communicate()


def test_an_interrupt_is_remembered_where_its_exception_is_lost() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruption() as asked:
        assert not asked.is_set()
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert asked.is_set()
    assert signal.getsignal(signal.SIGINT) is before
