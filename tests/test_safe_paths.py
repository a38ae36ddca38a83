"""Facts about checks and reads of paths that may be anything."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from anima_prompt.errors import InputError, ProfileError
from anima_prompt.interchange.textfile import read_text
from anima_prompt.lint_files.configuration import read_project
from anima_prompt.profiles import load_profile
from anima_prompt.safe_paths import exists, is_file, is_folder, is_link, read_bytes


@pytest.mark.parametrize("name", ["", "a\0b", "a" * 5000, "\ud83d"])
def test_a_check_of_an_impossible_name_is_false(name: str) -> None:
    assert not any(check(name) for check in (exists, is_file, is_folder, is_link))


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000])
def test_reading_an_impossible_name_is_an_error_of_one_line(name: str) -> None:
    with pytest.raises(InputError) as caught:
        read_text(name)
    assert len(str(caught.value)) < 300


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="the system has no /dev/zero")
def test_a_device_that_never_ends_is_not_read(tmp_path: Path) -> None:
    link = tmp_path / "p.yaml"
    link.symlink_to("/dev/zero")
    reading: list[tuple[Callable[[], object], type[Exception]]] = [
        (lambda: read_text(str(link)), InputError),
        (lambda: load_profile(str(link)), ProfileError),
        (lambda: read_project(link), InputError),
    ]
    for read, error in reading:
        with pytest.raises(error, match="is a device or a socket, which may never end"):
            read()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_fifo_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text("1girl"))
    writer.start()
    assert read_bytes(path, limit=100) == b"1girl"
    writer.join(10)


def test_a_configuration_that_is_too_large_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "anima-prompt.toml"
    path.write_text("#" * 5_000_000)
    with pytest.raises(InputError, match=r"cannot be read \(larger than 4 MB\)"):
        read_project(path)


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="descriptors have no names")
def test_standard_input_may_be_a_device() -> None:
    with Path(os.devnull).open("rb") as stream:
        assert read_bytes(Path(f"/dev/fd/{stream.fileno()}"), limit=100) == b""
    with pytest.raises(OSError, match="may never end"):
        read_bytes(Path(os.devnull), limit=100)
