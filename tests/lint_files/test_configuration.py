"""Facts about configuration files: what they say, where they are found, and what is said of a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.errors import AnimaPromptError
from anima_prompt.lint.document import Role
from anima_prompt.lint_files.configuration import Use, find_project, read_project, with_choices

TOML = """
select = ["ALL"]
ignore = "ANI601"
words = ["my_mascot"]
exclude = ["old/"]
profile = "turbo-1.1"

[severities]
style-wanders = "warning"

[[overrides]]
files = "captions/**/*.txt"
role = "caption"
dialect = "a1111"
ignore = ["ANI5"]
"""
YAML = """
select: [ALL]
ignore: ANI601
words: [my_mascot]
exclude: [old/]
profile: turbo-1.1
severities: {style-wanders: warning}
overrides:
  - files: captions/**/*.txt
    role: caption
    dialect: a1111
    ignore: [ANI5]
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("name", "text"), [("anima-prompt.toml", TOML), ("anima-prompt.yaml", YAML)])
def test_both_forms_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    project = read_project(write(tmp_path, name, text))
    assert (project.config.select, project.config.ignore) == (("ALL",), ("ANI601",))
    assert project.config.words == frozenset(["my_mascot"])
    assert project.config.severities == {"style-wanders": Severity.WARNING}
    inside = str(tmp_path / "captions" / "a" / "x.txt")
    assert project.use_of(inside) == Use(Dialect.A1111, "turbo-1.1", Role.CAPTION, None)
    assert project.ignored(inside) == ("ANI5",)
    assert project.use_of(str(tmp_path / "x.txt")) == Use(None, "turbo-1.1", None, None)
    assert project.excludes(str(tmp_path / "old" / "b" / "x.txt"))
    assert not project.excludes(str(tmp_path / "older" / "x.txt"))


def test_pyproject_needs_its_table(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    write(tmp_path, "pyproject.toml", "[tool.anima-prompt]\nignore = ['ANI904']\n")
    write(tmp_path / "a", "pyproject.toml", "[project]\nname = 'other'\n")
    assert find_project(inner).config.ignore == ("ANI904",)


def test_the_nearest_file_holds(tmp_path: Path) -> None:
    write(tmp_path, "anima-prompt.toml", "ignore = ['ANI904']\n")
    write(tmp_path, "a/anima-prompt.yaml", "ignore: [ANI905]\n")
    assert find_project(tmp_path / "a").config.ignore == ("ANI905",)
    assert find_project(tmp_path).config.ignore == ("ANI904",)


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    for name in ("anima-prompt.toml", "anima-prompt.yaml"):
        path = write(tmp_path, name, "")
        project = read_project(path)
        assert (project.config.ignore, project.overrides, project.use) == ((), (), Use())


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("anima-prompt.toml", "\nslect = ['ALL']\n", "anima-prompt.toml:2:1: key 'slect' is unknown"),
        ("anima-prompt.toml", "\nslect = ['ALL']\n", "did you mean 'select'?"),
        ("anima-prompt.toml", "dialect = 'a111'\n", "anima-prompt.toml:1:1: dialect is 'a111'; expected one of"),
        ("anima-prompt.toml", "ignore = ['ANI99']\n", "rule 'ANI99' is unknown"),
        ("anima-prompt.toml", "ignore = [\n", "check the TOML syntax"),
        ("anima-prompt.toml", "[severities]\nANI101 = 'fatal'\n", "anima-prompt.toml:2:1: severity is 'fatal'"),
        ("anima-prompt.toml", "\n[[overrides]]\nrole = 'caption'\n", "an override has no files"),
        ("anima-prompt.toml", "[[overrides]]\nfiles = '*'\nrole = 'poem'\n", ":3:1: role is 'poem'"),
        ("anima-prompt.yaml", "ignore: [ANI601]\nlines: maybe\n", "anima-prompt.yaml:2:8"),
        ("anima-prompt.yaml", "dialekt: plain\n", "anima-prompt.yaml:1:1: key 'dialekt' is unknown"),
        ("anima-prompt.yaml", "a: 1\n---\nb: 2\n", "2 documents; expected one"),
        ("pyproject.toml", "[tool.anima-prompt]\n\n  wrods = []\n", "pyproject.toml:3:3: key 'wrods'"),
        ("anima-prompt.toml", "rules = 'missing.yaml'\n", "missing.yaml"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(AnimaPromptError) as caught:
        read_project(write(tmp_path, name, text))
    assert said in str(caught.value)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "anima-prompt.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AnimaPromptError, match="cannot be read"):
        read_project(path)


def test_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    project = read_project(write(tmp_path, "anima-prompt.toml", TOML))
    chosen = with_choices(project, {"select": ("ANI1",), "ignore": ("ANI101",)})
    assert chosen.config.select == ("ANI1",)
    assert chosen.config.ignore == ("ANI601", "ANI101")
    assert with_choices(project, {}).config.select == ("ALL",)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.txt", "deep/down/a.txt", True),
        ("captions/*.txt", "captions/a.txt", True),
        ("captions/*.txt", "captions/b/a.txt", False),
        ("captions/**/*.txt", "captions/a.txt", True),
        ("captions/**", "captions/b/c/a.jsonl", True),
        ("a?.txt", "ab.txt", True),
        ("a?.txt", "abc.txt", False),
        ("a[12].txt", "a1.txt", True),
        (r"a\[1\].txt", "a[1].txt", True),
        ("old/", "b/old/c/a.txt", True),
        ("/old/", "b/old/a.txt", False),
        ("old", "old/a.txt", True),
        ("# note", "# note", False),
    ],
)
def test_patterns_are_those_of_gitignore(tmp_path: Path, pattern: str, path: str, fits: bool) -> None:
    project = read_project(write(tmp_path, "anima-prompt.yaml", f"exclude: ['{pattern}']\n"))
    assert project.excludes(str(tmp_path / path)) is fits


def test_a_pattern_can_take_back_an_earlier_one(tmp_path: Path) -> None:
    project = read_project(write(tmp_path, "anima-prompt.toml", "exclude = ['drafts/*', '!drafts/keep.txt']\n"))
    assert project.excludes(str(tmp_path / "drafts" / "a.txt"))
    assert not project.excludes(str(tmp_path / "drafts" / "keep.txt"))
    assert not project.excludes("/elsewhere/a.txt")


def test_a_bad_pattern_has_its_place(tmp_path: Path) -> None:
    path = write(tmp_path, "anima-prompt.yaml", "exclude:\n  - old/\n  - '!'\n")
    with pytest.raises(AnimaPromptError, match=r":3:5: pattern is '!'; expected one as in \.gitignore"):
        read_project(path)


def test_own_rules_and_words_reach_the_linter(tmp_path: Path) -> None:
    from anima_prompt.lint_files.runner import FileLinter, Options

    rules = """
- code: OUR101
  name: house-style
  severity: warning
  message: "write {write}, not {text}"
  reason: We say sunset.
  words: {sundown: sunset}
"""
    write(tmp_path, "mine.yaml", rules)
    write(tmp_path, "anima-prompt.yaml", "rules: mine.yaml\nwords: [zzmascot]\nselect: [OUR101, ANI601]\n")
    prompt = write(tmp_path, "a.txt", "1girl, zzmascot, sundown\n")
    report = FileLinter(Options(Use(), {}, None, False, False, {})).report(str(prompt))
    assert report.errors == ()
    assert [(d.code, d.start) for d in report.diagnostics[0]] == [("OUR101", 17)]
