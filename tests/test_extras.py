"""Facts about optional packages: what a user is told whose import failed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from anima_prompt import Vocabulary
from anima_prompt.errors import PackageError
from anima_prompt.extras import EXTRAS, package_error
from anima_prompt.tokens import Tokenizers

ROOT = Path(__file__).parents[1]
IMPORT_NAMES = {"pillow": "PIL", "pyyaml": "yaml", "huggingface-hub": "huggingface_hub"}


def install(folder: Path, name: str, source: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(source, encoding="utf-8")


def run(program: str, *arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a program with a folder of packages before the installed ones."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(path), str(ROOT))), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", program, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_table_lists_the_packages_of_the_project_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {"": project["dependencies"], **project["optional-dependencies"]}
    for extra, packages in EXTRAS.items():
        names = {re.split(r"[<>=\[]", line)[0].lower() for line in declared[extra]}
        expected = {IMPORT_NAMES.get(name, name) for name in names}
        listed_elsewhere = {name for other, them in EXTRAS.items() if other != extra for name in them}
        assert set(packages) <= expected
        assert expected - set(packages) <= listed_elsewhere, f"add them to EXTRAS[{extra!r}]"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            ModuleNotFoundError("No module", name="torch"),
            'torch is missing; run: pip install ".[infer]" in the project',
        ),
        (ModuleNotFoundError("No module", name="pandas"), 'pandas is missing; run: pip install ".[tables]" in the'),
        (ModuleNotFoundError("No module", name="yaml"), 'yaml is missing; run: pip install "." in the project folder'),
        (ModuleNotFoundError("No module", name="torch._C"), "torch is installed but cannot be imported (No module)"),
        (ImportError("no 'Tensor' in 'torch'", name="torch"), "torch is installed but cannot be imported (no 'Tens"),
        (ModuleNotFoundError("No module", name="sympy"), "the package sympy is missing (No module); install it"),
        (ImportError("DLL load failed"), "a package is installed but cannot be imported (DLL load failed); reinst"),
    ],
)
def test_only_a_package_that_was_not_found_is_missing(error: ImportError, message: str) -> None:
    assert message in str(package_error(error))


@pytest.mark.parametrize("name", ["anima_infer.grid.nothing", "anima_prompt"])
def test_a_mistake_of_our_own_stays_an_exception(name: str) -> None:
    with pytest.raises(ModuleNotFoundError):
        package_error(ModuleNotFoundError(f"No module named '{name}'", name=name))


def test_a_broken_package_is_named_and_not_called_missing(tmp_path: Path) -> None:
    install(tmp_path, "torch", "import nowhere_at_all\n")
    done = run("anima_infer", "render", "1girl", "-o", str(tmp_path / "a.png"), path=tmp_path)
    message = "error: torch is installed but cannot be imported (No module named 'nowhere_at_all'); reinstall it\n"
    assert (done.returncode, done.stderr) == (2, message)


def test_tokenizers_without_their_package_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(
        PackageError, match=r'tokenizers is missing; run: pip install "\.\[tokens\]" in the project folder'
    ):
        Tokenizers.from_folders(tmp_path, tmp_path)


def test_a_frame_without_pandas_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(PackageError, match=r'pandas is missing; run: pip install "\.\[tables\]"'):
        Vocabulary.default().to_frame()
