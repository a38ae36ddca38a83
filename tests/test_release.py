"""Facts about the script that checks a release; the whole of it needs network and minutes, and is run by hand."""

from __future__ import annotations

import importlib.util
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

import anima_prompt

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", ROOT / "scripts" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def archives(folder: Path, release: ModuleType, without: str = "") -> tuple[Path, Path]:
    sdist, wheel = folder / "x.tar.gz", folder / "x.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        for name in release.IN_WHEEL:
            if name != without:
                packed.writestr(name, "")
    with tarfile.open(sdist, "w:gz") as sources:
        for name in release.IN_SDIST:
            if name != without:
                sources.addfile(tarfile.TarInfo(f"anima_prompt-1/{name}"))
    return sdist, wheel


def test_the_versions_of_this_checkout_agree(release: ModuleType) -> None:
    assert release.check_versions() == anima_prompt.__version__


def test_a_version_that_differs_is_named(release: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "anima_prompt").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "2.0"\n', encoding="utf-8")
    (tmp_path / "anima_prompt/__init__.py").write_text('__version__ = "2.0"\n', encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.9 (2026-01-01)\n", encoding="utf-8")
    monkeypatch.setattr(release, "ROOT", tmp_path)
    with pytest.raises(release.ReleaseError, match=r"CHANGELOG\.md is not '## 2\.0 "):
        release.check_versions()
    (tmp_path / "anima_prompt/__init__.py").write_text('__version__ = "1.9"\n', encoding="utf-8")
    with pytest.raises(release.ReleaseError, match=r"has version 2\.0, anima_prompt/__init__\.py does not"):
        release.check_versions()


@pytest.mark.parametrize("name", ["anima_prompt/data/tags/rules.yaml", "docs/linting.md"])
def test_a_missing_file_is_named(release: ModuleType, name: str, tmp_path: Path) -> None:
    release.check_contents(*archives(tmp_path, release))
    with pytest.raises(release.ReleaseError, match=f"lacks {name}"):
        release.check_contents(*archives(tmp_path, release, without=name))
