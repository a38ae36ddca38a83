"""Facts about atomic writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from anima_prompt.atomic import atomic_path, temporary_path
from anima_prompt.interchange.textfile import write_text


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
