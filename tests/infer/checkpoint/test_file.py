"""Facts about opening files: damaged ones name the tensor, and files of other kinds are called by their name."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save, save_file

from anima_infer.checkpoint import WeightFile, write_weights
from anima_infer.errors import CheckpointError

TENSORS = {"a.weight": torch.ones(4, 4), "b.weight": torch.zeros(4, 4, dtype=torch.bfloat16)}
GOOD = save(TENSORS)


def with_header(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(dtype: Any = "F32", shape: Any = (4,), offsets: Any = (0, 16)) -> dict[str, Any]:
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


def image(form: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, form)
    return stream.getvalue()


def archive(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name in names:
            file.writestr(name, b"x")
    return stream.getvalue()


def pickled(**options: Any) -> bytes:
    stream = io.BytesIO()
    torch.save({"a": torch.ones(2)}, stream, **options)
    return stream.getvalue()


def numpy_file() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


FILES: list[tuple[str, bytes, str]] = [
    ("empty", b"", r"is empty \(0 bytes\); the download failed"),
    ("gguf", b"GGUF\3\0\0\0" + bytes(64), "is a GGUF file, which is not supported"),
    ("ggml", b"lmgg" + bytes(64), "is a GGML file"),
    ("zip pickle", pickled(), "is a PyTorch pickle, not a safetensors file; rename it to .pt"),
    ("old pickle", pickled(_use_new_zipfile_serialization=False), "is a PyTorch pickle"),
    ("zip", archive("readme.txt"), "is a ZIP archive; unpack it"),
    ("numpy archive", archive("a.npy"), "is an archive of NumPy arrays"),
    ("cut zip", archive("data.pkl")[:40], "is a damaged ZIP archive or PyTorch file"),
    ("numpy", numpy_file(), "is a NumPy array"),
    ("onnx", b"\x08\x08\x12\x07pytorch\x1a\x052.1.0" + bytes(range(200)), "is an ONNX model"),
    (
        "lfs",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n",
        "is a Git LFS pointer, .*'git lfs pull'",
    ),
    ("html", b"<!DOCTYPE html><html><head><title>404</title></head></html>" * 9, "is a web page, not the file itself"),
    ("html in capitals", b"\n  <HTML lang=en>", "is a web page"),
    ("xml", b"\xef\xbb\xbf<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "is a web page"),
    ("json", b'{"error": "Unauthorized"}', "is a JSON file, not weights"),
    ("text", b"Entry not found\n", r"is a text file \('Entry not found'\), not weights; download the file again"),
    ("png", image("PNG"), "is a PNG image; pass a .safetensors file"),
    ("jpeg", image("JPEG"), "is a JPEG image"),
    ("webp", image("WEBP"), "is a WebP image"),
    ("gif", image("GIF"), "is a GIF image"),
    ("7z", b"7z\xbc\xaf\x27\x1c" + bytes(60), "is a 7z archive"),
    ("zeros", bytes(4096), "is filled with zeros; the download is incomplete"),
    ("random", bytes(range(128, 256)) * 8, "is not a safetensors file; pass a .safetensors file"),
    ("short", b"abc", "is a text file"),
    ("header cut", GOOD[:20], "ends inside the header"),
    ("data cut", GOOD[:-1], r"is cut off in 'b.weight': 95 of 96 bytes of data; the download is incomplete"),
    ("data gone", GOOD[:-96], "is cut off in 'a.weight' and 1 more: 0 of 96 bytes"),
    ("data long", GOOD + b"\0" * 8, r"goes on after its last tensor \(bytes too many: 8\)"),
    ("header not JSON", with_header(b"{nonsense!!"), "the header is not JSON"),
    ("header deep", with_header(b'{"a":' + b"[" * 100_000), "the header is not JSON"),
    ("header not UTF-8", with_header(b'{"\xff": 1}'), "the header is not JSON"),
    ("name twice", with_header(b'{"a": 1, "a": 2}'), "'a' occurs twice"),
    ("no tensors", with_header({}), "contains no tensors"),
    ("metadata only", with_header({"__metadata__": {"format": "pt"}}), "contains no tensors"),
    (
        "metadata nested",
        with_header({"__metadata__": {"a": {"b": 1}}} | tensor(), bytes(16)),
        "__metadata__ is not an object",
    ),
    ("metadata list", with_header({"__metadata__": [1]} | tensor(), bytes(16)), "__metadata__ is not an object"),
    ("entry a number", with_header({"a": 3}, bytes(16)), "'a' is malformed in the header"),
    ("entry without shape", with_header({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, bytes(4)), "'a' is malformed"),
    ("shape negative", with_header(tensor(shape=[-4]), bytes(16)), "'a' is malformed"),
    ("shape a text", with_header(tensor(shape="4"), bytes(16)), "'a' is malformed"),
    ("shape true", with_header(tensor(shape=[True, 4]), bytes(16)), "'a' is malformed"),
    ("offsets backwards", with_header(tensor(offsets=[16, 0]), bytes(16)), "'a' is malformed"),
    ("offsets of one", with_header(tensor(offsets=[16]), bytes(16)), "'a' is malformed"),
    (
        "size wrong",
        with_header(tensor(shape=[5]), bytes(16)),
        r"'a' has 16 bytes in the header, but F32 \[5\] needs 20",
    ),
    ("dtype unknown", with_header(tensor(dtype="F13"), bytes(16)), "'a' has the unknown dtype 'F13'; expected one of"),
    ("dtype a list", with_header(tensor(dtype=["F32"]), bytes(16)), "'a' is malformed|unknown dtype"),
    ("hole", with_header(tensor(offsets=[4, 20]), bytes(20)), "cannot be read as safetensors"),
    ("huge", with_header(tensor(shape=[10**30], offsets=[0, 4 * 10**30]), bytes(16)), "is cut off in 'a'"),
]


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt", ""])
@pytest.mark.parametrize(("data", "message"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_other_and_damaged_files_get_one_line(tmp_path: Path, data: bytes, message: str, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(data)
    if "pickle" in message and suffix == ".ckpt":
        assert list(WeightFile.open(path)) == ["a"]
        return
    with pytest.raises(CheckpointError, match=message) as caught:
        WeightFile.open(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_safetensors_open_whatever_they_are_called(tmp_path: Path) -> None:
    for name in ("a.ckpt", "a.bin", "a.pt", "a", "a.SAFETENSORS"):
        (tmp_path / name).write_bytes(GOOD)
        file = WeightFile.open(tmp_path / name)
        assert file.dtypes == {"a.weight": "F32", "b.weight": "BF16"}
        assert torch.equal(file.tensor("a.weight"), TENSORS["a.weight"])


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_file_with_any_byte_changed_opens_or_gets_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    changed = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(GOOD) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "changed.safetensors"
    path.write_bytes(
        bytes(changed[: data.draw(st.integers(0, len(changed)))]) if data.draw(st.booleans()) else bytes(changed)
    )
    try:
        WeightFile.open(path)
    except CheckpointError as error:
        assert "\n" not in str(error)  # noqa: PT017  both outcomes are right


@pytest.mark.parametrize("value", [[], {}, {"a": 3}, torch.ones(2), {"state_dict": 5}, None])
def test_pickles_without_named_tensors(tmp_path: Path, value: Any) -> None:
    torch.save(value, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="is a PyTorch pickle without named tensors"):
        WeightFile.open(tmp_path / "a.pt")


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not exist; check the path"):
        WeightFile.open(tmp_path / "no.safetensors")
    with pytest.raises(CheckpointError, match=r"the folder contains no .safetensors file"):
        WeightFile.open(tmp_path)
    with pytest.raises(CheckpointError, match="does not exist"):
        WeightFile.open(tmp_path / ("x" * 5000))
    with pytest.raises(CheckpointError, match="does not exist"):
        WeightFile.open("a\0b.safetensors")
    if sys.platform != "win32":
        (tmp_path / "link.safetensors").symlink_to(tmp_path / "gone.safetensors")
        with pytest.raises(CheckpointError, match="is a link to a file that does not exist"):
            WeightFile.open(tmp_path / "link.safetensors")
        with pytest.raises(CheckpointError, match="is not a regular file"):
            WeightFile.open("/dev/null")


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(GOOD)

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CheckpointError, match=r"cannot be read \(Permission denied\); check the file's permissions"):
        WeightFile.open(path)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_weights(tmp_path / "a.safetensors", TENSORS, {"x": "y"})
    file = WeightFile.open(tmp_path / "a.safetensors")
    assert file.metadata == {"x": "y"}
    assert all(torch.equal(file.raw(name), value) for name, value in TENSORS.items())
    save_file({"a": torch.ones(0, 3)}, tmp_path / "empty.safetensors")
    assert WeightFile.open(tmp_path / "empty.safetensors").shapes == {"a": (0, 3)}
