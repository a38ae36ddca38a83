"""Facts about the command line, run as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from anima_prompt.profiles import profile_names

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "prompts"
COMMAND = str(Path(sys.executable).parent / "anima-prompt")


def run(*arguments: str, stdin: str | bytes | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [COMMAND, *arguments], input=data or b"", capture_output=True, cwd=cwd, check=False, timeout=60
    )
    assert b"Traceback" not in done.stderr
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_parse_prints_a_table_for_people() -> None:
    done = run("parse", "1girl, masterpiece, (smile:1.2), @wlop. She waves at the crowd.")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "section",
        "quality",
        "count",
        "artist",
        "general",
        "text",
    ]
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("command", [("parse",), ("lint",), ("convert", "--from", "a1111", "--to", "comfyui")])
def test_a_text_that_is_not_utf_8_gets_one_line(command: tuple[str, ...]) -> None:
    done = run(*command, "1girl, caf\udce9")
    assert done.returncode == 2
    assert done.stderr == "error: the text: is not UTF-8 (byte 0xe9 at character 11); give it in UTF-8\n"


def test_parse_prints_json_for_programs() -> None:
    done = run("parse", "1girl, (smile:1.20), She waves at the crowd. night\n---\nblurry", "--json")
    data = json.loads(done.stdout)
    assert data["sections"] == {
        "count": [{"text": "1girl", "weight": 1, "start": 0, "end": 5}],
        "general": [
            {"text": "smile", "weight": 1.2, "start": 8, "end": 13},
            {"text": "night", "weight": 1, "start": 45, "end": 50},
        ],
    }
    assert data["sentences"] == [
        {"text": "She waves at the crowd.", "weight": 1, "start": 21, "end": 44, "place": "between"}
    ]
    assert data["diagnostics"] == []
    assert data["negative"]["sections"]["general"][0]["text"] == "blurry"


def test_parse_reports_malformed_text_and_exits_with_one() -> None:
    done = run("parse", "1girl, (smile")
    assert (done.returncode, done.stderr) == (
        1,
        "7-8: error: '(' has no partner; close it or write '\\(' [paren-unbalanced]\n",
    )
    done = run("parse", "1girl, (smile", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["diagnostics"][0]["name"] == "paren-unbalanced"
    assert done.stderr == ""


def test_parse_reads_files_and_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1girl, 初音", encoding="utf-8")
    assert "初音" in run("parse", str(path)).stdout
    assert "初音" in run("parse", "-", stdin="1girl, 初音").stdout
    assert run("parse", "").stdout == "the prompt is empty\n"


def test_a_long_prompt_is_a_text_and_no_file_name() -> None:
    text = "long hair, " * 60
    assert len(json.loads(run("parse", text, "--json").stdout)["sections"]["general"]) == 60
    assert run("convert", "--from", "comfyui", "--to", "plain", f"{text}\n{text}").stdout == f"{text}\n{text}\n"
    assert run("parse", "a" * 5000).returncode == 0
    said = f"error: {'b' * 40}...: file name too long; give a readable text file\n"
    assert run("parse", "b" * 5000 + ".txt").stderr == said


def test_fmt_rewrites_files_and_says_which(tmp_path: Path) -> None:
    careless, clean = tmp_path / "careless.txt", tmp_path / "clean.txt"
    careless.write_bytes(b"smile ,long_hair,\r\n")
    clean.write_text("smile, long hair\n")
    careless.chmod(0o640)
    done = run("fmt", str(careless), str(clean))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"reformatted {careless}\n")
    assert careless.read_bytes() == b"smile, long hair\r\n"
    assert careless.stat().st_mode & 0o777 == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["careless.txt", "clean.txt"]
    assert run("fmt", str(careless), str(clean)).stderr == ""


def test_fmt_check_and_diff_write_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("smile ,long_hair\n")
    done = run("fmt", "--check", str(path))
    assert (done.returncode, done.stderr) == (1, f"would reformat {path}\n")
    done = run("fmt", "--diff", str(path))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == ["-smile ,long_hair", "+smile, long hair"]
    assert path.read_text() == "smile ,long_hair\n"
    path.write_text("smile, long hair\n")
    assert run("fmt", "--check", str(path)).returncode == 0


def test_fmt_moves_tags_only_when_asked() -> None:
    text = "smile, masterpiece ,1girl\n"
    assert run("fmt", "-", stdin=text).stdout == "smile, masterpiece, 1girl\n"
    assert run("fmt", "--order", "-", stdin=text).stdout == "masterpiece, 1girl, smile\n"


def test_fmt_does_not_reorder_what_it_does_not_understand() -> None:
    done = run("fmt", "--order", "-", stdin="smile, (masterpiece ,1girl")
    assert done.stdout == "smile, (masterpiece, 1girl"
    assert "standard input:7-8: error: '(' has no partner" in done.stderr


def test_fmt_formats_both_sides_of_the_divider() -> None:
    assert run("fmt", "-", stdin="a ,b\n---\nc ,d\n").stdout == "a, b\n---\nc, d\n"


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    good, binary = tmp_path / "good.txt", tmp_path / "binary.txt"
    good.write_text("a ,b")
    binary.write_bytes(b"\x89PNG\x00\x00")
    done = run("fmt", str(binary), str(good))
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith(f"error: {binary}: is a binary file")
    assert good.read_text() == "a, b"


def test_a_failing_write_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a ,b")
    shell = f"ulimit -f 0; exec {COMMAND} fmt a.txt"  # no file may grow: what a full disk does, and for root too
    done = subprocess.run(["bash", "-c", shell], cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S607
    assert done.returncode == 2
    assert done.stderr == "error: a.txt: cannot be written (file too large); the file was not changed\n"
    assert path.read_text() == "a ,b"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_build_prints_positive_and_negative() -> None:
    done = run("build", str(EXAMPLES / "two_singers.yaml"))
    assert done.returncode == 0
    positive, divider, negative = done.stdout.splitlines()
    assert positive.startswith(
        "masterpiece, best quality, score_7, safe, 2girls, hatsune miku, kasane teto, vocaloid. On the left"
    )
    assert divider == "---"
    assert negative.startswith("worst quality")


def test_build_gives_json_with_the_profiles_settings() -> None:
    done = run("build", str(EXAMPLES / "set.yaml"), "--profile", "turbo-1.1", "--json", "--dialect", "plain")
    data = json.loads(done.stdout)
    assert [item["name"] for item in data] == ["mage", "mage-turbo", "poster"]
    assert data[0]["settings"] == {
        "steps": 8, "guidance_scale": 1, "sampler": "euler", "scheduler": "simple", "shift": 3, "width": 1024, "height": 1024,
    }  # fmt: skip
    assert "fern (sousou no frieren)" in data[0]["positive"]


def test_build_says_what_a_dialect_cannot_say() -> None:
    done = run("build", str(EXAMPLES / "two_singers.yaml"), "--dialect", "plain")
    assert done.returncode == 0
    assert "warning: 'confetti' has weight 1.5, which plain cannot express [weight-dropped]" in done.stderr


def test_convert_prints_the_text_and_reports_losses() -> None:
    done = run("convert", "--from", "a1111", "--to", "comfyui", "((smile:1.2)), [hat]")
    assert (done.returncode, done.stdout, done.stderr) == (0, "(smile:1.32), (hat:0.909091)\n", "")
    done = run("convert", "--from", "a1111", "--to", "comfyui", "-", stdin="a, [b:c:0.5]")
    assert done.returncode == 1
    assert "[schedule-unsupported]" in done.stderr


def test_profiles_lists_and_shows() -> None:
    lines = run("profiles").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(profile_names())
    assert "score_7" in run("profiles", "base-1.0").stdout
    assert json.loads(run("profiles", "turbo-1.1", "--json").stdout)["steps"] == 8


def test_schema_and_completion_are_printed() -> None:
    assert json.loads(run("schema").stdout)["title"] == "Anima prompt file"
    for shell in ("bash", "zsh", "fish"):
        assert "_ANIMA_PROMPT_COMPLETE" in run("completion", shell).stdout


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["parse", "nope.txt"], None, "error: nope.txt: no such file or directory; give a readable text file"),
        (["parse", "-"], b"caf\xe9", "error: standard input: is not UTF-8 (byte 0xe9 at offset 3); save it as UTF-8"),
        (["parse", "-"], b"a\x00b", "error: standard input: is a binary file (byte 0 at offset 1); give a text file"),
        (["parse", "-"], "a".encode("utf-16"), "error: standard input: is UTF-16; save it as UTF-8"),
        (["parse", "-"], b"a, " * 17_000_000, "error: standard input: larger than 16 MiB; split it into files of one prompt each"),
        (["parse", "a.yaml"], None, "error: a.yaml: no such file or directory; give a readable text file"),
        (["fmt", "nope.txt"], None, "error: nope.txt: no such file or directory; give a readable text file"),
        (["fmt", "."], None, "error: .: is a directory; give a readable text file"),
        (["build", "prompt.md"], None, "error: prompt.md: ends in '.md'; expected .yaml, .yml, .json or .txt"),
        (["build", "-"], "genral: a", "error: standard input:1:1: key 'genral' is unknown in a prompt; did you mean 'general'?"),
        (["build", "-", "--profile", "x"], "count: 1girl", "error: profile is 'x'; expected one of "
         f"{', '.join(profile_names())}, or a YAML file of your own"),
        (["profiles", "nope"], None, "error: profile is 'nope'; expected one of"),
    ],
)  # fmt: skip
def test_bad_input_gives_one_line_and_exit_code_two(
    arguments: list[str], stdin: bytes | None, message: str, tmp_path: Path
) -> None:
    done = run(*arguments, stdin=stdin, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fmt"], "error: Missing argument 'FILE...|-'; see 'anima-prompt fmt --help'"),
        (["parze", "x"], "error: No such command 'parze'. Did you mean 'parse'?; see 'anima-prompt --help'"),
        (
            ["convert", "--from", "sdxl", "--to", "plain", "a"],
            "error: Invalid value for '--from': 'sdxl' is not one of 'comfyui'",
        ),
        (["parse", "--jsn", "a"], "error: No such option '--jsn'."),
    ],
)
def test_wrong_usage_gives_one_line_and_exit_code_two(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_stops_early_gets_no_traceback() -> None:
    shell = f"{COMMAND} schema | head -n 1"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)  # noqa: S607
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_help_shows_examples_that_can_be_pasted() -> None:
    assert '  echo "masterpiece ,best_quality,1girl" | anima-prompt fmt -\n' in run("--help").stdout
    assert "..." not in run("--help").stdout.partition("Commands:")[2]


def test_every_command_explains_itself() -> None:
    for command in ("parse", "fmt", "build", "convert", "profiles", "schema", "completion"):
        done = run(command, "--help")
        assert done.returncode == 0
        assert command in run("--help").stdout
