"""Build a release and check it: versions, metadata, contents, and the wheel in a clean environment.

Run it with ``python scripts/release.py [--output dist]`` on Linux, macOS or Windows; it needs the extra ``test`` and network
access to the package index. It uploads, tags and changes nothing. At the end it prints what a person does next.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Sequence
from email.parser import HeaderParser
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IN_WHEEL = (
    "anima_prompt/py.typed",
    "anima_prompt/profiles/releases.yaml",
    "anima_prompt/data/tags/general.csv",
    "anima_prompt/data/tags/rules.yaml",
    "anima_prompt/data/artists/artists.csv",
    "anima_infer/data/models/anima-tiny/anima-tiny.safetensors",
    "anima_infer/grid/pages/assets/report.html",
)
IN_SDIST = (
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "data/README.md",
    "docs/linting.md",
    "tests/conftest.py",
)
BAD_PROMPT = "masterpiece, safe, 1girl, fern (sousou no frieren), @wlop"
GOOD_PROMPT = "masterpiece, safe, 1girl, @wlop, smile, city, night"

CHECKLIST = """
Left for a person ({version}):
  [ ] 'make test' passes on a clean clone; the workflow 'checks' is green on Linux, Windows and macOS
  [ ] CHANGELOG.md: the heading of {version} has the date instead of 'unreleased'
  [ ] commit 'release: {version}', tag 'v{version}', push both
  [ ] upload the two files in {folder} to the package index
  [ ] install from the index in a new environment and run: anima-prompt lint "1girl"
  [ ] after the first release: README 'Install', examples/ci and messages that say to install from this folder
  [ ] raise the version in pyproject.toml and anima_prompt/__init__.py, add a new unreleased heading"""


class ReleaseError(Exception):
    """A check failed; the message says which and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all checks; return 0 if they passed, 1 if one failed."""
    parser = argparse.ArgumentParser(description="Build a release and check it.")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="folder for sdist and wheel (default: dist)")
    output = parser.parse_args(arguments).output.resolve()
    try:
        version = check_versions()
        sdist, wheel = build(output, version)
        check_contents(sdist, wheel)
        check_metadata(sdist, wheel, version)
        with tempfile.TemporaryDirectory() as folder:
            check_installed(wheel, Path(folder), version)
    except ReleaseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(CHECKLIST.format(version=version, folder=output))
    return 0


def check_versions() -> str:
    """Return the version on which project file, package and changelog agree."""
    version = str(tomllib.loads(_text("pyproject.toml"))["project"]["version"])
    package = re.search(r'^__version__ = "(.+)"$', _text("anima_prompt/__init__.py"), re.MULTILINE)
    heading = re.search(r"^## (\S+) \((.+)\)$", _text("CHANGELOG.md"), re.MULTILINE)
    if package is None or package[1] != version:
        raise ReleaseError(f"pyproject.toml has version {version}, anima_prompt/__init__.py does not; set both")
    if heading is None or heading[1] != version:
        raise ReleaseError(f"the newest heading of CHANGELOG.md is not '## {version} (DATE)'; add one")
    print(f"ok: version {version} in pyproject.toml, anima_prompt and CHANGELOG.md ({heading[2]})")
    return version


def build(output: Path, version: str) -> tuple[Path, Path]:
    """Build the sdist, and the wheel from it; return both."""
    if find_spec("build") is None:
        raise ReleaseError("the package build is missing; install the extra test: pip install -e '.[test]'")
    sdist, wheel = output / f"anima_prompt-{version}.tar.gz", output / f"anima_prompt-{version}-py3-none-any.whl"
    for path in (sdist, wheel):
        path.unlink(missing_ok=True)
    run(sys.executable, "-m", "build", "--outdir", str(output), str(ROOT))
    for path in (sdist, wheel):
        if not path.is_file():
            raise ReleaseError(f"{path} was not built; read the messages of 'python -m build'")
        print(f"ok: {path.name}, {path.stat().st_size / 1e6:.1f} MB")
    return sdist, wheel


def check_contents(sdist: Path, wheel: Path) -> None:
    """Check that data, templates and documents are included."""
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    with tarfile.open(sdist) as archive_:
        sources = {name.partition("/")[2] for name in archive_.getnames()}
    for file, expected, names in ((wheel, IN_WHEEL, packed), (sdist, IN_SDIST, sources)):
        missing = [name for name in expected if name not in names]
        if missing:
            raise ReleaseError(f"{file.name} lacks {', '.join(missing)}; see [tool.hatch.build] in pyproject.toml")
    print(f"ok: {len(packed)} files in the wheel, {len(sources)} in the sdist")


def check_metadata(sdist: Path, wheel: Path, version: str) -> None:
    """Check the wheel's metadata, with twine where it is installed."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = HeaderParser().parsestr(archive.read(f"anima_prompt-{version}.dist-info/METADATA").decode())
    required = ("Name", "Version", "Summary", "License-Expression", "Requires-Python", "Description-Content-Type")
    missing = [key for key in required if not metadata[key]]
    if missing or metadata["Version"] != version:
        raise ReleaseError(
            f"the wheel's metadata lacks {', '.join(missing) or version}; see [project] in pyproject.toml"
        )
    if find_spec("twine") is None:
        print("ok: metadata (twine is not installed; 'pip install twine' checks more)")
        return
    run(sys.executable, "-m", "twine", "check", "--strict", str(sdist), str(wheel))
    print("ok: metadata, with twine")


def check_installed(wheel: Path, folder: Path, version: str) -> None:
    """Install the wheel into a clean environment and use it there."""
    venv.create(folder / "env", with_pip=True)
    scripts = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
    python, program = str(scripts / "python"), str(scripts / "anima-prompt")
    run(python, "-m", "pip", "install", "-q", "-c", str(ROOT / "constraints.txt"), str(wheel), cwd=folder)
    expect(version, run(program, "--version", cwd=folder), "the version")
    expect("vocaloid", run(program, "tags", "show", "hatsune miku", cwd=folder), "a tag's series")
    expect("ANI102", run(program, "lint", "--isolated", BAD_PROMPT, cwd=folder, code=1), "a finding")
    run(program, "lint", "--isolated", GOOD_PROMPT, cwd=folder)
    print("ok: the wheel in a clean environment: version, vocabulary, linter")


def run(*command: str, cwd: Path = ROOT, code: int = 0) -> str:
    """Run a command and return its output; any other exit code than ``code`` is an error."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment["ANIMA_PROMPT_DATA"] = str(cwd / "no-user-data")
    done = subprocess.run(  # noqa: S603
        command,
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != code:
        raise ReleaseError(
            f"'{' '.join(command)}' exits with {done.returncode}, not {code}:\n{done.stdout}{done.stderr}"
        )
    return done.stdout + done.stderr


def expect(text: str, output: str, what: str) -> None:
    """Check that a program printed a text."""
    if text not in output:
        raise ReleaseError(f"the installed program does not print {what} ({text}):\n{output}")


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
