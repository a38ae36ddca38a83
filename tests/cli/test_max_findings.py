"""Facts about the limit of findings that are shown per rule and file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import run

MANY = "long_hair, " * 130 + "smile"
MORE = "not shown; --max-findings 0 shows all"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "many.txt"
    path.write_text(MANY, encoding="utf-8")
    return path


def findings(*arguments: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run("lint", *arguments, "--select", "ANI202", "-f", "json").stdout)
    return found


def test_a_hundred_findings_of_a_rule_are_shown_and_a_row_counts_the_others(file: Path) -> None:
    found = findings(str(file))
    assert len(found) == 101
    assert found[-1]["message"] == f"30 more findings of this rule are {MORE}"
    assert (found[-1]["code"], found[-1]["start"]) == ("ANI202", 100 * len("long_hair, "))


@pytest.mark.parametrize(("most", "rows"), [("0", 130), ("130", 130), ("129", 130), ("1", 2)])
def test_the_option_sets_the_limit_and_zero_lifts_it(file: Path, most: str, rows: int) -> None:
    found = findings(str(file), "--max-findings", most)
    assert len(found) == rows
    assert any(MORE in str(row["message"]) for row in found) == (most in ("129", "1"))


def test_the_limit_counts_for_each_file_alone(file: Path, tmp_path: Path) -> None:
    (tmp_path / "few.txt").write_text("long_hair, smile", encoding="utf-8")
    assert len(findings(str(tmp_path), "--max-findings", "2")) == 3 + 1


def test_the_configuration_sets_the_limit_and_the_option_beats_it(file: Path) -> None:
    file.with_name("anima-prompt.toml").write_text("max-findings = 5\n", encoding="utf-8")
    assert len(findings(str(file))) == 6
    assert len(findings(str(file), "--max-findings", "7")) == 8


@pytest.mark.parametrize("value", ["-1", "1.5", '"many"'])
def test_a_limit_that_is_not_a_count_is_one_line(file: Path, value: str) -> None:
    file.with_name("anima-prompt.toml").write_text(f"max-findings = {value}\n", encoding="utf-8")
    done = run("lint", str(file))
    assert done.returncode == 2
    assert "max-findings is " in done.stderr


def test_totals_statistics_fixes_and_exit_codes_count_what_is_not_shown(file: Path) -> None:
    text = run("lint", str(file), "--select", "ANI202", "--max-findings", "1")
    assert "Found 130 warnings in 1 file; 130 fixable with --fix." in text.stdout
    assert "130" in run("lint", str(file), "--select", "ANI202", "--max-findings", "1", "--statistics").stdout
    late = run("lint", str(file), "--select", "ANI202", "--max-findings", "1", "--fail-on", "warning")
    assert late.returncode == 1
    run("lint", str(file), "--select", "ANI202", "--max-findings", "1", "--fix")
    assert "_" not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["concise", "jsonl", "github", "gitlab", "sarif", "junit", "html"])
def test_every_format_says_how_many_are_not_shown(file: Path, form: str) -> None:
    done = run("lint", str(file), "--select", "ANI202", "--max-findings", "3", "-f", form)
    assert "127 more findings of this rule are not shown" in done.stdout
