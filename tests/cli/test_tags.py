"""Facts about ``anima-prompt tags``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).parent / "anima-prompt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "ANIMA_PROMPT_DATA": str(folder)}
    done = subprocess.run(
        [COMMAND, "tags", *arguments], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert "Traceback" not in done.stderr
    return done


def test_search_prints_what_to_write(folder: Path) -> None:
    done = run(folder, "search", "fern (sou", "--limit", "1")
    assert done.returncode == 0
    assert "fern \\(sousou no frieren\\)" in done.stdout
    assert "sousou no frieren" in done.stdout
    assert run(folder, "search", "qqqqqqqq").returncode == 1


def test_search_tells_which_spelling_was_found(folder: Path) -> None:
    rows = run(folder, "search", "gold hair", "--limit", "1").stdout.splitlines()
    assert rows[1].split()[-2:] == ["alias:", "gold_hair"]
    rows = run(folder, "search", "blonde hair", "--limit", "1").stdout.splitlines()
    assert rows[1].split()[-1] == "exact"


def test_search_gives_json_and_takes_a_category(folder: Path) -> None:
    data = json.loads(run(folder, "search", "wlop", "--category", "artist", "--json").stdout)
    assert data[0]["text"] == "@wlop"
    assert (data[0]["found_by"], data[0]["found_as"]) == ("exact", "wlop")
    assert json.loads(run(folder, "search", "wlop", "--category", "general", "--json").stdout) == []


def test_show_tells_all_or_offers_near_names(folder: Path) -> None:
    data = json.loads(run(folder, "show", "@wlop", "--json").stdout)
    assert (data["name"], data["category"], data["section"]) == ("wlop", "artist", "artist")
    shown = run(folder, "show", "Hatsune Miku").stdout
    assert "vocaloid" in shown
    assert not any(line.endswith(" ") for line in shown.splitlines())
    done = run(folder, "show", "hatsune mikuu")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: 'hatsune mikuu' is not in the vocabulary; similar: hatsune miku\n"


def test_conflicts_name_the_tags_and_exit_with_one(folder: Path) -> None:
    done = run(folder, "conflicts", "1girl, red hair, blue hair, from above")
    assert done.returncode == 1
    assert done.stdout.splitlines()[1].split() == ["hair-color", "red", "hair,", "blue", "hair"]
    done = run(folder, "conflicts", "1girl, red hair", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_show_follows_implications(folder: Path) -> None:
    data = json.loads(run(folder, "show", "very long hair", "--json").stdout)
    assert data["implies"] == ["long_hair"]
    assert data["implied_by"] == ["absurdly_long_hair"]


def test_complete_group_and_stats(folder: Path) -> None:
    assert run(folder, "complete", "looking_at", "--limit", "1").stdout == "looking_at_viewer\n"
    assert "hair/length" in run(folder, "group").stdout
    assert run(folder, "group", "hair/length").stdout.splitlines()[1].startswith("long hair")
    assert run(folder, "group", "nonsense").returncode == 1
    assert json.loads(run(folder, "stats", "--json").stdout)["imports"] == []


def test_import_forget_export_and_where(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text('my_oc,4,12,"oc_of_mine"\n')
    assert run(folder, "import", str(path)).stderr == f"1 tag imported into {folder}\n"
    assert json.loads(run(folder, "show", "oc of mine", "--json").stdout)["name"] == "my_oc"
    assert "my_oc,4,12,oc_of_mine" in run(folder, "export", "--category", "character").stdout
    assert json.loads(run(folder, "stats", "--json").stdout)["imports"] == ["mine"]
    assert run(folder, "where").stdout == f"{folder}\n"
    assert run(folder, "forget", "mine").returncode == 0
    assert run(folder, "show", "my_oc").returncode == 1


def test_a_bad_list_is_refused_and_the_vocabulary_stays(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("good,0,5,\nbad\n")
    done = run(folder, "import", str(path))
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == f"error: {path}:2: 1 field; expected name,category,count,aliases"
    assert not folder.exists()
    assert "skipped" in run(folder, "import", str(path), "--skip-bad").stderr
    assert run(folder, "import", str(tmp_path / "nope.csv")).returncode == 2
