"""Facts about the package as a whole: exports, import cost, wheel, README."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import click
import pytest
import yaml

import anima_prompt
from tests.audience import listed_parts, read_allowed, read_hashes

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str, cwd: Path | None = None) -> str:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def words_in(wheel: Path) -> dict[str, list[str]]:
    """Return the listed words of each text file in a wheel; what is allowed for a reason is left out."""
    listed = read_hashes("listed.txt")
    allowed = [name for gate, name in read_allowed() if gate == "word"]
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            binary = name.endswith((".safetensors", ".bin"))  # weights, and hashes: three letters occur by chance
            text = "" if binary else archive.read(name).decode("utf-8", errors="ignore")
            for word in allowed:
                text = text.replace(word, "").replace(word.upper(), "")
            if parts := [part for line in set(text.splitlines()) for part in listed_parts(line, listed)]:
                found[name] = sorted(set(parts))
    return found


def test_every_exported_name_exists_and_is_listed() -> None:
    for name in anima_prompt.__all__:
        assert getattr(anima_prompt, name) is not None
        assert name in dir(anima_prompt)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = anima_prompt.nonsense  # type: ignore[attr-defined]


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import anima_prompt, sys; anima_prompt.Prompt.parse('1girl'); print(*sorted(sys.modules))"
    loaded = set(run(sys.executable, "-c", code).split())
    assert not loaded & {"torch", "transformers", "pandas", "numpy", "rich", "yaml", "click"}


def test_the_version_is_the_one_of_the_project_file() -> None:
    declared = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert declared is not None
    assert anima_prompt.__version__ == declared.group(1)
    assert f"## {anima_prompt.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_no_exported_name_is_the_name_of_a_module() -> None:
    modules = {path.stem if path.is_file() else path.name for path in (ROOT / "anima_prompt").iterdir()}
    assert modules.isdisjoint(anima_prompt.__all__), "the module would take the place of what has its name"


@pytest.mark.slow
def test_the_wheel_carries_the_data_and_works_in_a_clean_environment(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    assets = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("anima_*/**/assets/*")}
    assert len(assets) >= 10
    assert assets <= packed
    assert words_in(wheel) == {}
    venv.create(tmp_path / "env", with_pip=True)
    programs = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    python = str(programs / "python")
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", str(wheel))
    look_up = "from anima_prompt import Vocabulary; print(Vocabulary.default().lookup('hatsune_miku').series)"
    assert run(python, "-c", look_up, cwd=tmp_path).strip() == "vocaloid"
    live = (
        "from anima_prompt.vocabulary.live_names import is_live, is_word; print(is_live('slowking'), is_word('hiar'))"
    )
    assert run(python, "-c", live, cwd=tmp_path).strip() == "True False"
    command = str(programs / "anima-prompt")
    assert run(command, "profiles", cwd=tmp_path).startswith("profile")
    page = str(tmp_path / "found.html")
    run(command, "lint", "1girl", "-f", "html", "-o", page, cwd=tmp_path)
    assert "<style>:root" in Path(page).read_text(encoding="utf-8")
    bare = subprocess.run(
        [str(programs / "anima-infer"), "render", "1girl"], capture_output=True, text=True, check=False
    )
    assert (bare.returncode, bare.stderr) == (
        2,
        'error: the package torch is missing; run: pip install ".[infer]" in the project folder\n',
    )
    where = "import anima_prompt.vocabulary as v; print(v.data_folder())"
    assert str(tmp_path) in run(python, "-c", where, cwd=tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="the examples are for bash")
def test_the_examples_in_the_readme_print_what_it_says() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    assert blocks
    checked = 0
    for block in blocks:
        for command, output in re.findall(r"^\$ (anima-prompt .*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            bash = f"export PATH={Path(sys.executable).parent}:$PATH; {command}"
            done = subprocess.run(["bash", "-c", bash], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
            assert (done.stdout + done.stderr).rstrip() == output.rstrip(), command
            checked += 1
    assert checked >= 4


def test_the_python_examples_in_the_readme_run() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        run(sys.executable, "-c", block, cwd=ROOT)


def test_the_code_example_runs() -> None:
    printed = run(sys.executable, str(ROOT / "examples/build_in_code.py"))
    assert "(@wlop:1.5)" in printed
    assert "plain" in printed


@pytest.mark.parametrize("module", ["anima_prompt.cli.main", "anima_infer.cli.main"])
def test_the_help_names_every_command_in_one_line_of_80_columns(module: str) -> None:
    groups = [importlib.import_module(module).commands]
    for group in groups:
        groups += [one for one in group.commands.values() if isinstance(one, click.Group)]
        listed = group.get_help(click.Context(group, terminal_width=80)).partition("Commands:\n")[2].splitlines()
        assert [line.split()[0] for line in listed] == sorted(group.commands)
        assert not [line for line in listed if line.endswith("...")]


def test_no_installed_package_is_tracked() -> None:
    tracked = run("git", "ls-files", cwd=ROOT).split() if (ROOT / ".git").exists() else []
    assert [name for name in tracked if "site-packages" in name] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_the_python_examples_in_the_docs_run(page: Path, tmp_path: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        if "anima_infer" in block:
            pytest.importorskip("torch")
        run(sys.executable, "-W", "error", "-c", block, cwd=tmp_path)


def test_the_page_of_rules_is_fresh() -> None:
    from anima_prompt.lint import all_rules
    from anima_prompt.lint.explain import rules_page

    assert (ROOT / "docs/rules.md").read_text(encoding="utf-8") == rules_page(all_rules()), "run 'make rules'"


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md")]
CI_FILES = [*(ROOT / ".github").rglob("*.yml"), *(ROOT / "examples/ci").iterdir(), *ROOT.glob(".pre-commit-*.yaml")]


@pytest.mark.parametrize("path", CI_FILES, ids=lambda path: path.name)
def test_files_for_continuous_integration_are_yaml(path: Path) -> None:
    assert yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [*PAGES, *CI_FILES], ids=lambda path: path.name)
def test_nothing_claims_to_be_published(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    claims = r"(pipx?|uv tool|uv add|uv pip) (install |add )?['\"]?anima-prompt|github\.com/anima-prompt|rev: v\d"
    assert re.findall(claims, text) == [], "there is no release yet; install from a folder"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
        path = (page.parent / target) if target else page
        assert path.exists(), target
        if anchor and path.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in slugs, f"{target}#{anchor}"


def test_the_hooks_name_options_that_exist() -> None:
    for line in (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8").splitlines():
        if line.strip().startswith("entry:"):
            command = line.split(":", 1)[1].split()
            done = run(
                str(Path(sys.executable).parent / command[0]), *command[1:], str(ROOT / "LICENSE"), "--exit-zero"
            )
            assert "Usage" not in done
