"""Folders as people have them become a set of captions; nothing is read twice, nothing else is taken for a caption."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from anima_prompt.captions.discover import discover
from anima_prompt.captions.sets import CaptionSet
from anima_prompt.errors import InputError


def put(folder: Path, **files: str | bytes) -> Path:
    return put_all(folder, files)


def put_all(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def rows(found: CaptionSet, folder: Path) -> list[tuple[str, str | None, int, str]]:
    def short(path: str | None) -> str | None:
        return None if path is None else Path(path).relative_to(folder).as_posix()

    return [(str(short(c.source)) + c.key, short(c.image), c.index, c.text) for c in found]


USUAL: dict[str, str | bytes] = {
    "10_girl/a.png": b"png", "10_girl/a.txt": "1girl, smile\n", "10_girl/女 の子 2.JPG": b"x", "10_girl/女 の子 2.txt": "1girl",
    "10_girl/b.webp": b"x", "10_girl/b.caption": "a girl", "10_girl/b.txt": "1girl", "10_girl/c.png": b"x",
    "10_girl/c_nl.txt": "A girl.", "10_girl/lost.txt": "1girl", "10_girl/a_anima_te.npz": b"x",
    "10_girl/a_1024x1024_anima.npz": b"x", "dataset.toml": "[general]\nx = 1\n", "config.yaml": "a: 1", "README.md": "# x",
    "tags.txt": "smile\nhat\n", "notes about it.txt": "by me", "samples/s.png": b"x", "samples/s.txt": "1girl", ".hidden/x.txt": "a",
    "10_girl/.a.txt": "x", "metadata.jsonl": '{"file_name": "10_girl/c.png", "text": "from a table"}\n',
    "workflow.json": '{"3": {"class_type": "x"}}', "selected_tags.csv": "tag_id,name\n1,a\n", "10_girl/empty.png": b"x",
    "10_girl/empty.txt": "", "broken.json": "{", "model.safetensors": b"x", "10_girl/README.txt": "read me",
}  # fmt: skip


def test_a_folder_as_people_have_it(tmp_path: Path) -> None:
    found = CaptionSet.load(put_all(tmp_path, USUAL))
    assert rows(found, tmp_path) == [
        ("10_girl/a.txt", "10_girl/a.png", 0, "1girl, smile"),
        ("10_girl/b.caption", "10_girl/b.webp", 0, "a girl"),
        ("10_girl/b.txt", "10_girl/b.webp", 1, "1girl"),
        ("10_girl/c_nl.txt", "10_girl/c.png", 0, "A girl."),
        ("10_girl/empty.txt", "10_girl/empty.png", 0, ""),
        ("10_girl/女 の子 2.txt", "10_girl/女 の子 2.JPG", 0, "1girl"),
        ("metadata.jsonlline 1", "10_girl/c.png", 1, "from a table"),
    ]
    assert [Path(path).name for path in found.strays] == ["lost.txt"]
    assert [Path(path).name for path in found.text_caches.values()] == ["a_anima_te.npz"]
    assert found.problems == ()
    assert found.formats == {"text": 6, "table": 1}


def test_masks_beside_images_are_no_images(tmp_path: Path) -> None:
    put_all(tmp_path, {"a.png": b"x", "a.txt": "1girl", "a-masklabel.png": b"x", "b_mask.png": b"x"})
    assert [Path(image).name for image in CaptionSet.load(tmp_path).images] == ["a.png", "b_mask.png"]


def test_captions_without_any_image_are_read(tmp_path: Path) -> None:
    found = CaptionSet.load(put_all(tmp_path, {"a.txt": "1girl", "sub/b.txt": "smile", "readme.txt": "hello"}))
    assert [(c.text, c.image) for c in found] == [("1girl", None), ("smile", None)]


def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        CaptionSet.load(tmp_path / "none")


def test_nothing_is_read_twice(tmp_path: Path) -> None:
    put_all(tmp_path, {"a.png": b"x", "a.txt": "1girl", "sub/b.png": b"x", "sub/b.txt": "smile"})
    found = CaptionSet.load([tmp_path, tmp_path / "a.txt", tmp_path / "sub"])
    assert [c.text for c in found] == ["1girl", "smile"]


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_links_that_run_in_a_circle_end_and_broken_ones_are_problems(tmp_path: Path) -> None:
    put_all(tmp_path, {"a.png": b"x", "a.txt": "1girl"})
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "b.txt").symlink_to(tmp_path / "gone.txt")
    found = CaptionSet.load(tmp_path)
    assert [c.text for c in found] == ["1girl"]
    assert found.problems == (f"{tmp_path / 'b.txt'}: is a symbolic link to a file that does not exist",)


@pytest.mark.skipif(sys.platform != "linux", reason="needs names that differ in case only")
def test_names_that_differ_in_case_alone_find_their_own_image(tmp_path: Path) -> None:
    put_all(
        tmp_path,
        {"A.png": b"x", "a.png": b"x", "A.txt": "upper", "a.txt": "lower", "B.PNG": b"x", "b.txt": "other case"},
    )
    found = rows(CaptionSet.load(tmp_path), tmp_path)
    assert {(source, image) for source, image, _, _ in found} == {
        ("A.txt", "A.png"),
        ("a.txt", "a.png"),
        ("b.txt", "B.PNG"),
    }


def test_files_in_other_encodings_are_read_and_said(tmp_path: Path) -> None:
    put_all(tmp_path, {"a.txt": "café".encode("latin-1"), "b.txt": "\ufeff女".encode("utf-16")})
    found = CaptionSet.load(tmp_path)
    assert next(iter(found)).text == "café"
    assert [(Path(path).name, what.split(" (")[0]) for path, what in found.encodings] == [
        ("a.txt", "not UTF-8"),
        ("b.txt", "UTF-16-LE with a byte-order mark"),
    ]


def test_a_device_or_fifo_is_no_caption_file(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs FIFOs")
    put_all(tmp_path, {"a.png": b"x"})
    os.mkfifo(tmp_path / "a.txt")
    found = CaptionSet.load(tmp_path)
    assert len(found) == 0
    assert discover([tmp_path]).others == 1


def test_metadata_finds_its_images_by_relative_path_and_by_stem(tmp_path: Path) -> None:
    put_all(
        tmp_path,
        {
            "img/a.png": b"x",
            "img/b.png": b"x",
            "meta.json": '{"img/a": {"tags": "smile"}, "C:\\\\old\\\\b.png": {"caption": "hat"}}',
        },
    )
    found = rows(CaptionSet.load(tmp_path), tmp_path)
    assert found == [
        ("meta.json/img~1a", "img/a.png", 0, "smile"),
        ("meta.json/C:\\old\\b.png", "img/b.png", 0, "hat"),
    ]


def test_lines_of_one_file_are_captions_of_one_image(tmp_path: Path) -> None:
    put_all(tmp_path, {"a.png": b"x", "a.txt": "1girl\n\nA girl.\n"})
    found = CaptionSet.load(tmp_path, lines=True)
    assert [(c.key, c.index, c.line, c.text) for c in found] == [("line 1", 0, 1, "1girl"), ("line 3", 1, 3, "A girl.")]
    assert len(found.by_image()) == 1


def test_a_set_is_a_table(tmp_path: Path) -> None:
    frame = CaptionSet.load(put_all(tmp_path, {"a.png": b"x", "a.txt": "1girl"})).to_frame()
    assert list(frame.columns) == ["image", "source", "key", "index", "line", "text"]
    assert frame["text"].tolist() == ["1girl"]
