"""Facts about what an argument means, about ``read``, ``diff``, and about folders as people have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from anima_prompt.cli.main import commands
from anima_prompt.cli.source import SourceKind, kind_of
from tests.lint_files.images import PARAMETERS, graph, save


def run(*arguments: object) -> Result:
    return CliRunner().invoke(commands, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANIMA_PROMPT_DATA", str(tmp_path / "data-of-user"))
    return tmp_path


# --- what an argument means ------------------------------------------------------------------------------------------

TEXTS = [
    *(
        "fate/zero",
        ":/",
        r"\m/",
        "d.gray-man",
        "smile",
        "1girl, smile",
        "@wlop",
        "a/b/c",
        ">:/",
        "k/da (series)",
        "|_|",
    ),
    *(
        "re:zero",
        "1.5",
        "a.b",
        "prompt with file.txt in it",
        "/\\/\\/\\",
        "(hat:1.2)",
        "",
        "x" * 5000,
        "a\0b",
        "nier:_automata",
    ),
]
FILES = [
    "nowhere.txt",
    "./x",
    "../x",
    "~/x",
    "/nowhere/x",
    "C:/x",
    "nowhere/",
    "there/nowhere",
    "a.PNG",
    "/my pictures/a b.png",
]


@pytest.mark.parametrize("source", TEXTS)
def test_a_prompt_is_a_prompt_for_every_command(source: str) -> None:
    assert kind_of(source) is SourceKind.TEXT


@pytest.mark.parametrize("source", FILES)
def test_a_path_that_is_missing_is_no_prompt(source: str, folder: Path) -> None:
    (folder / "there").mkdir()
    assert kind_of(source) is SourceKind.FILE


def test_what_exists_is_itself(folder: Path) -> None:
    (folder / "notes").write_text("1girl")
    (folder / "captions").mkdir()
    (folder / "smile").mkdir()
    assert [kind_of(name) for name in ("-", "notes", "captions", "smile", "smile/", ".", "./smile")] == [
        *(
            SourceKind.STDIN,
            SourceKind.FILE,
            SourceKind.FOLDER,
            SourceKind.TEXT,
            SourceKind.FOLDER,
            SourceKind.FOLDER,
            SourceKind.FOLDER,
        ),
    ]


def test_parse_and_lint_agree(folder: Path) -> None:
    (folder / "smile").mkdir()
    (folder / "smile" / "a.txt").write_text("1girl, looking_at_viewer")
    for source in ("fate/zero", ":/", r"\m/", "d.gray-man", "smile"):
        assert run("parse", source).exit_code == 0, source
        done = run("lint", source, "-f", "concise", "--no-cache")
        assert done.exit_code == 0, done.output
        assert "<text>" in done.stdout or "No findings" in done.output
    assert "note: 'smile' is linted as a prompt; write 'smile/' for the folder" in run("lint", "smile").stderr
    assert "a.txt" in run("lint", "smile/", "-f", "concise").stdout
    for command in ("parse", "lint"):
        assert run(command, "nowhere.txt").exit_code == 2
    assert "is a folder" in run("parse", "smile/").stderr


# --- read ------------------------------------------------------------------------------------------------------------


def unread() -> dict[str, Any]:
    data = graph("x", "blurry")
    data["3"]["inputs"]["text"] = ["32", 0]
    return {**data, "32": {"class_type": "OllamaGenerate", "inputs": {"prompt": "Describe a girl"}}}


def test_read_prints_json(folder: Path) -> None:
    save(folder / "a.png", parameters=PARAMETERS)
    save(folder / "b.png")
    (folder / "c.json").write_text(json.dumps(unread()))
    (folder / "d.txt").write_text("1girl\n---\nbad\n")
    (folder / "e.yaml").write_text("count: 1girl\nnegative: bad\n")
    (folder / "f.jsonl").write_text('{"prompt": "1girl", "settings": {"steps": 4}}\n')
    done = run("read", "--json", "a.png", "b.png", "c.json", "d.txt", "e.yaml", "f.jsonl")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["a.png"] == [
        {
            "positive": "1girl, looking_at_viewer, red hair",
            "negative": "blurry",
            "settings": {
                "steps": 30,
                "guidance_scale": 14,
                "sampler": "Euler a",
                "seed": 7,
                "width": 1024,
                "height": 1024,
            },
            "model": "anima-base-v1.0",
            "source": "a1111",
            "not_read": [],
        }
    ]
    assert found["b.png"] == []
    assert "b.png: has no prompt" in done.stderr
    (flow,) = found["c.json"]
    assert (flow["positive"], flow["negative"]) == (None, "blurry")
    assert flow["not_read"] == [{"node": "32", "kind": "OllamaGenerate", "role": "positive"}]
    assert [(found[name][0]["positive"], found[name][0]["negative"]) for name in ("d.txt", "e.yaml")] == [
        ("1girl", "bad")
    ] * 2
    assert found["f.jsonl"][0]["settings"] == {"steps": 4}


def test_read_for_people_and_bad_files(folder: Path) -> None:
    (folder / "c.json").write_text(json.dumps(unread()))
    (folder / "bad.txt").write_bytes(b"\xff\xff")
    done = run("read", "c.json", "bad.txt", "nowhere.png")
    assert done.exit_code == 2
    assert "  positive: text comes from node 32 (OllamaGenerate), not read" in done.stdout
    assert "  negative: blurry" in done.stdout
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["error", "error"]
    assert "nowhere.png: cannot be read (no such file or directory)" in done.stderr


def test_diff_compares_texts_files_and_images(folder: Path) -> None:
    save(folder / "a.png", parameters=PARAMETERS)
    save(folder / "b.png", parameters=PARAMETERS.replace("red hair", "red hat").replace("Steps: 30", "Steps: 20"))
    done = run("diff", "a.png", "b.png")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "prompt, general",
        "  - red hair",
        "  + red hat",
        "settings",
        "  ~ steps: 30 -> 20",
    ]
    assert run("diff", "a.png", "a.png").exit_code == 0
    assert json.loads(run("diff", "1girl", "2girls", "--json").stdout)[0]["kind"] == "removed"
    assert run("diff", "1girl", "nowhere.txt").exit_code == 2
    (folder / "c.json").write_text(json.dumps(unread()))
    assert "OllamaGenerate" in run("diff", "c.json", "1girl").stderr


# --- folders ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def training(folder: Path) -> Path:
    """A folder of training pictures, as trainers and download programs leave it."""
    base = folder / "train"
    base.mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (8, 8)).save(base / f"{name}.png")
        (base / f"{name}.txt").write_text("1girl, red hat\n")
        (base / f"{name}.json").write_text(json.dumps({"tag_string": "1girl", "id": 5, "rating": "g"}))
    Image.new("RGB", (8, 8)).save(base / "c.jpg")
    (base / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (base / "metadata.jsonl").write_text('{"file_name": "a.png", "text": "1girl, looking_at_viewer"}\n')
    (base / "config.yaml").write_text("model:\n  name: x\nlearning_rate: 1e-4\n")
    (base / "docker.yaml").write_text("services: !custom {a: b}\n\t- x\n")
    (base / "meta_cap.json").write_text(json.dumps({"/x/a.png": {"caption": "x", "tags": "y"}}))
    return base


def test_a_folder_of_training_pictures_is_linted(training: Path) -> None:
    done = run("lint", training, "-f", "concise", "--no-cache", "--select", "underscore-tag")
    assert done.exit_code == 1
    assert "metadata.jsonl:1" in done.stdout
    assert done.stderr.splitlines() == [
        "note: skipped 9 files without a prompt that is read: 1 .jpg, 3 .json, 3 .png, 2 .yaml"
    ]


def test_what_is_named_itself_fails(training: Path) -> None:
    for name in ("a.png", "broken.png", "a.json", "config.yaml", "docker.yaml"):
        done = run("lint", training / name, "--no-cache")
        assert done.exit_code == 2, name
        assert len([line for line in done.stderr.splitlines() if line.startswith("error: ")]) == 1


def test_captions_under_text_are_fixed_in_place(training: Path) -> None:
    run("lint", training / "metadata.jsonl", "--fix", "--no-cache")
    assert json.loads((training / "metadata.jsonl").read_text())["text"] == "1girl, looking at viewer"


def test_a_prompt_file_with_a_mistake_still_fails_in_a_folder(training: Path) -> None:
    (training / "mine.yaml").write_text("count: 1girl\ngenral: [hat]\n")
    done = run("lint", training, "--no-cache")
    assert done.exit_code == 2
    assert "mine.yaml:2:1" in done.stderr


def test_parameters_beside_an_image_are_no_caption(folder: Path) -> None:
    save(folder / "a.png", parameters=PARAMETERS)
    (folder / "a.txt").write_text(PARAMETERS)
    done = run("lint", "a.txt", "-f", "json", "--no-cache", "--fix")
    assert (folder / "a.txt").read_text() == PARAMETERS
    assert "Steps" not in done.stdout
    assert json.loads(run("read", "--json", "a.txt").stdout)["a.txt"][0]["negative"] == "blurry"


def test_a_workflow_whose_text_is_not_read_is_not_linted(folder: Path) -> None:
    (folder / "c.json").write_text(json.dumps(unread()))
    done = run("lint", "c.json", "-f", "concise", "--no-cache")
    assert "note: c.json: text comes from node 32 (OllamaGenerate), not read" in done.stderr
    assert "Describe" not in done.stdout
    assert done.exit_code == 0
    data = unread()
    data["4"]["inputs"]["text"] = ["32", 0]
    (folder / "d.json").write_text(json.dumps(data))
    done = run("lint", "d.json", "--no-cache")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (
        2,
        "error: d.json: text comes from node 32 (OllamaGenerate), not read",
    )


# --- exclude ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        ([], {"a.txt", "old/b.txt", "old/deep/c.txt", "keep/old.txt"}),
        (["old/"], {"a.txt", "keep/old.txt"}),
        (["/old"], {"a.txt", "keep/old.txt"}),
        (["old*"], {"a.txt"}),
        (["*.txt", "!a.txt"], {"a.txt"}),
        (["**/deep/**"], {"a.txt", "old/b.txt", "keep/old.txt"}),
        (["old/b.txt", "keep/*.txt"], {"a.txt", "old/deep/c.txt"}),
        (["# a comment"], {"a.txt", "old/b.txt", "old/deep/c.txt", "keep/old.txt"}),
    ],
)
def test_exclude_takes_the_patterns_of_gitignore(folder: Path, patterns: list[str], left: set[str]) -> None:
    base = folder / "set"
    for name in ("a.txt", "old/b.txt", "old/deep/c.txt", "keep/old.txt"):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("1girl, looking_at_viewer")
    options = [part for pattern in patterns for part in ("--exclude", pattern)]
    done = run("lint", base, "-f", "json", "--no-cache", "--select", "underscore-tag", *options)
    found = {Path(one["path"]).relative_to(base).as_posix() for one in json.loads(done.stdout)}
    assert found == left
    listed = ", ".join(json.dumps(pattern) for pattern in patterns)
    (base / "anima-prompt.toml").write_text(f"exclude = [{listed}]\n")
    done = run("lint", base, "-f", "json", "--no-cache", "--select", "underscore-tag")
    assert {Path(one["path"]).relative_to(base).as_posix() for one in json.loads(done.stdout)} == left


def test_what_is_excluded_and_named_is_linted(folder: Path) -> None:
    (folder / "a.txt").write_text("1girl, looking_at_viewer")
    assert run("lint", "a.txt", "--exclude", "*.txt", "--no-cache").exit_code == 1
