"""Facts about atomic writes."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from anima_prompt import atomic
from anima_prompt.atomic import atomic_path, temporary_path, write_output
from anima_prompt.errors import InputError
from anima_prompt.interchange.textfile import write_report, write_text


def interrupted(target: Path) -> None:
    with atomic_path(target) as temporary:
        temporary.write_text("half of the n")
        raise KeyboardInterrupt


def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "kept.txt"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        interrupted(target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_process_left_under_the_same_name_is_not_resumed(tmp_path: Path) -> None:
    target = tmp_path / "kept.txt"
    temporary_path(target).write_text("of a process that died")
    with atomic_path(target) as temporary:
        assert not temporary.exists()
        temporary.write_text("new")
    assert target.read_text() == "new"


def test_a_new_text_has_the_default_permissions_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    new, old = tmp_path / "deeper" / "new.txt", tmp_path / "old.txt"
    old.write_text("old")
    old.chmod(0o640)
    write_text(new, "a")
    write_text(old, "b")
    assert new.stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert old.stat().st_mode & 0o777 == 0o640
    assert (new.read_text(), old.read_text()) == ("a", "b")


def test_a_text_is_written_through_a_link_to_it(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    link.symlink_to(real)
    write_text(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_a_read_only_file_is_not_replaced_even_by_root(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    path.write_text("old")
    path.chmod(0o444)
    with pytest.raises(InputError, match="the file is read-only"):
        write_text(path, "new")
    with pytest.raises(PermissionError, match="read-only"), atomic_path(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    link, real = tmp_path / "link.txt", tmp_path / "real.txt"
    link.symlink_to("real.txt")
    with atomic_path(link) as temporary:  # the target does not exist yet
        temporary.write_text("new")
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_a_link_that_leads_out_of_the_folder_is_left(tmp_path: Path) -> None:
    folder, outside, inside = tmp_path / "in", tmp_path / "outside.txt", tmp_path / "in" / "real.txt"
    folder.mkdir()
    outside.write_text("old")
    inside.write_text("old")
    (folder / "out.txt").symlink_to(outside)
    (folder / "in.txt").symlink_to(inside)
    with pytest.raises(InputError, match=r"out\.txt: is a symbolic link that leads out of .*in; not changed"):
        write_text(folder / "out.txt", "new", within=folder)
    write_text(folder / "in.txt", "new", within=folder)
    assert (outside.read_text(), inside.read_text()) == ("old", "new")


def test_another_hard_link_keeps_the_old_text(tmp_path: Path) -> None:
    path, other = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_text("old")
    other.hardlink_to(path)
    write_text(path, "new")
    assert (path.read_text(), other.read_text()) == ("new", "old")


def test_a_name_of_255_bytes_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 125 + ".txt")
    write_text(path, "a")
    write_text(path, "b")
    assert path.read_text() == "b"


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"), atomic_path(tmp_path) as temporary:
        temporary.write_text("new")
    with pytest.raises(InputError, match="cannot be written"):
        write_report(tmp_path, "new")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_fifo_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(path.read_text(encoding="utf-8")))
    reader.start()
    write_output(path, "findings")
    reader.join(10)
    assert got == ["findings"]
    assert path.is_fifo()
    with pytest.raises(OSError, match="not a regular file"), atomic_path(path) as temporary:
        temporary.write_text("new")
    assert path.is_fifo()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_device_gives_an_error_and_stays_a_device() -> None:
    with pytest.raises(InputError, match=r"/dev/full: cannot be written \(no space left on device\)"):
        write_report(Path("/dev/full"), "findings")
    assert Path("/dev/full").is_char_device()


@pytest.mark.skipif(os.name != "posix", reason="descriptors have no names")
def test_an_open_descriptor_keeps_what_was_written_before(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    with path.open("wb", buffering=0) as stream:
        stream.write(b"earlier\n")
        write_output(Path(f"/dev/fd/{stream.fileno()}"), "findings\n")
        stream.write(b"later\n")
    assert path.read_text() == "earlier\nfindings\nlater\n"


def test_a_name_that_is_not_utf_8_is_written_as_an_escape(tmp_path: Path) -> None:
    write_output(tmp_path / "out.json", '"caf\udce9.txt"')
    assert (tmp_path / "out.json").read_text() == '"caf\\udce9.txt"'


def test_a_file_that_another_program_has_open_for_a_moment_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, replace, attempts = tmp_path / "a.txt", Path.replace, []

    def refuse_twice(source: Path, destination: Path) -> Path:
        attempts.append(destination)
        if len(attempts) < 3:
            raise PermissionError(13, "the file is used by another process")
        return replace(source, destination)

    monkeypatch.setattr(atomic, "_PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(Path, "replace", refuse_twice)
    write_text(target, "new")
    assert (target.read_text(), len(attempts)) == ("new", 3)


def test_a_file_that_stays_open_elsewhere_is_an_error_and_keeps_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, destination: Path) -> None:
        raise PermissionError(13, "the file is used by another process")

    (tmp_path / "a.txt").write_text("old")
    monkeypatch.setattr(atomic, "_PAUSES", (0.0,))
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(InputError, match="used by another process"):
        write_text(tmp_path / "a.txt", "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_the_content_is_on_the_disk_before_the_old_file_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, seen, fsync = tmp_path / "a.txt", [], os.fsync

    def note(descriptor: int) -> None:
        seen.append((os.fstat(descriptor).st_size, target.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    with atomic_path(target) as temporary:
        temporary.write_text("new")
    assert seen == [(3, False)]


def test_a_body_that_writes_nothing_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        pass
    assert (tmp_path / "a.txt").read_text() == "old"
