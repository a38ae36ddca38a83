"""Encoding: each thing once, made anew where it changed, and errors in a line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from PIL import Image

from anima_infer.errors import TrainingError
from anima_infer.models import Models
from anima_infer.training.data.cache import Cache, file_digest
from anima_infer.training.data.prepared import prepare, read_image
from anima_infer.training.running.session import Session
from anima_infer.training.spec.reader import spec_from_dict
from tests.infer.tiny import Tiny
from tests.infer.training.dataset import open_session, spec_of


def entries(folder: Path) -> dict[str, float]:
    return {path.name: path.stat().st_mtime_ns for path in sorted((folder / "out" / "cache").iterdir())}


def test_entries_are_what_the_networks_compute(tiny: Tiny, tmp_path: Path, models: Models) -> None:
    session = open_session(tiny, tmp_path)
    data, _ = session.prepare()
    sample = data.samples[1]
    pixels, _ = read_image(sample.image)
    latents, mask = data.latents(sample.latents)
    torch.testing.assert_close(latents, models.vae.encode(pixels)[0])
    assert mask is None
    caption = data.caption(sample.captions[0])
    tokens = models.encoder.tokens([("1boy, hat. He waves.", 1.0)])
    assert caption.t5 == tuple(tokens.t5)
    assert caption.context is not None
    torch.testing.assert_close(caption.context, models.encoder.encode_tokens(tokens).rows[0])
    blank = data.empty_caption(32).context
    assert blank is not None
    torch.testing.assert_close(blank, models.encoder.encode([], zero_if_empty=True).rows[0])


def test_only_what_changed_is_encoded_again(tiny: Tiny, tmp_path: Path) -> None:
    open_session(tiny, tmp_path).prepare()
    first = entries(tmp_path)
    assert len(first) == 9, "four images, four captions, the empty caption"
    (tmp_path / "images" / "0.txt").write_text("1girl, hat")
    done: list[tuple[str, int, int]] = []
    open_session(tiny, tmp_path).prepare(lambda *step: done.append(step))
    assert done == [("captions", 1, 1)]
    second = entries(tmp_path)
    assert len(second) == 9, "the old caption's entry is gone"
    assert sum(second.get(name) == time for name, time in first.items()) == 8
    Image.new("RGB", (48, 64), "green").save(tmp_path / "images" / "0.png")
    done.clear()
    open_session(tiny, tmp_path).prepare(lambda *step: done.append(step))
    assert done == [("images", 1, 1)]


def test_a_damaged_entry_is_made_anew(tiny: Tiny, tmp_path: Path) -> None:
    session = open_session(tiny, tmp_path)
    data, _ = session.prepare()
    path = session.cache.path(data.samples[0].latents)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainingError, match="is missing or damaged; run 'anima-infer train prepare'"):
        data.latents(data.samples[0].latents)
    session.prepare()
    assert path.read_bytes() == whole


def test_flips_and_masks(tiny: Tiny, tmp_path: Path) -> None:
    folder = {"path": "images", "flip": True, "masks": "masks"}
    masks = tmp_path / "masks"
    masks.mkdir()
    for index in range(4):
        mask = Image.new("L", (64, 48) if index % 2 else (48, 64), 0)
        mask.paste(255, (0, 0, 16, mask.height))
        mask.save(masks / f"{index}.png")
    session = open_session(tiny, tmp_path, data={"folders": [folder]})
    data, _ = session.prepare()
    sample = data.samples[0]
    assert sample.flipped is not None
    _, stored = data.latents(sample.latents)
    _, mirrored = data.latents(sample.flipped)
    assert stored is not None
    assert mirrored is not None
    assert stored.shape == (1, 8, 6)
    assert torch.equal(stored[0, 0], torch.tensor([1.0, 1, 0, 0, 0, 0]))
    assert torch.equal(mirrored, stored.flip(-1))


def test_transparency_may_be_the_mask(tiny: Tiny, tmp_path: Path) -> None:
    session = open_session(tiny, tmp_path, data={"folders": [{"path": "images", "alpha_mask": True}]})
    image = Image.new("RGBA", (48, 64), (200, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 48, 32))
    image.save(tmp_path / "images" / "0.png")
    data, _ = session.prepare()
    _, mask = data.latents(data.samples[0].latents)
    assert mask is not None
    assert torch.equal(mask[0, :, 0], torch.tensor([0.0, 0, 0, 0, 1, 1, 1, 1]))
    _, opaque = data.latents(data.samples[1].latents)
    assert opaque is not None, "an image without transparency counts whole"
    assert torch.equal(opaque, torch.ones_like(opaque))


def test_long_captions_are_cut_and_counted(tiny: Tiny, tmp_path: Path) -> None:
    from anima_infer.training.data.prepared import count_tokens

    session = open_session(tiny, tmp_path, data={"captions": {"text_limit": 8}})
    data, _ = session.prepare()
    caption = data.caption(data.samples[0].captions[0])
    assert (len(caption.t5), caption.t5[-1]) == (8, 1)
    assert caption.context is not None
    assert len(caption.context) == 8
    cut = list(count_tokens(data.samples, session.encoding()))
    assert [item.path.name for item in cut][:2] == ["0.png", "1.png"]
    assert cut[0].tokens > 8


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: (f / "images" / "1.txt").unlink(), r"1\.txt: does not exist; write a caption for 1\.png"),
        (lambda f: (f / "images" / "1.txt").write_bytes(b"\xff\xfe\xff"), r"1\.txt: is not UTF-8; save the caption"),
        (lambda f: (f / "images" / "1.png").write_bytes(b"no image"), r"1\.png: cannot be read as an image"),
        (lambda f: [p.unlink() for p in (f / "images").glob("*.png")], "images: contains no image"),
        (lambda f: [p.unlink() for p in (f / "images").iterdir()] + [(f / "images").rmdir()], "images is not a folder"),
    ],
)
def test_wrong_data_gets_a_line(break_it: object, message: str, tiny: Tiny, tmp_path: Path) -> None:
    open_session(tiny, tmp_path)
    assert callable(break_it)
    break_it(tmp_path)
    options = spec_of(tiny, tmp_path, write=False)
    spec = spec_from_dict(options, folder=tmp_path)
    with pytest.raises(TrainingError, match=message):
        Session.open(spec)


def test_a_truncated_image_is_named_when_it_is_encoded(tiny: Tiny, tmp_path: Path) -> None:
    session = open_session(tiny, tmp_path)
    path = tmp_path / "images" / "1.png"
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(TrainingError, match=r"1\.png: cannot be read as an image \(.*\); repair it"):
        session.prepare()
    assert sum(name.startswith("image") for name in entries(tmp_path)) == 1, "what was done before is kept"


@pytest.mark.skipif(
    os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="needs permissions that count"
)
def test_a_cache_that_cannot_be_written(tiny: Tiny, tmp_path: Path) -> None:
    session = open_session(tiny, tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o500)
    with pytest.raises(TrainingError, match="an entry cannot be written"):
        session.prepare()


def test_pruning_keeps_what_is_needed(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.write("a", {"x": torch.ones(2)})
    cache.write("b", {"x": torch.ones(2)})
    assert cache.prune(["a"]) == 1
    assert cache.has("a")
    assert not cache.has("b")


def test_a_file_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"one")
    first = file_digest(path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda *_, **__: pytest.fail("read again"))
        assert file_digest(path) == first
    path.write_bytes(b"another")
    assert file_digest(path) != first
    with pytest.raises(TrainingError, match="cannot be read"):
        file_digest(tmp_path / "nothing")


def test_nothing_to_do_loads_no_network(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = open_session(tiny, tmp_path)
    samples, _ = session.samples()
    prepare(samples, session.encoding(), session.cache)

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr("anima_infer.training.data.prepared.load_vae", fail)
    monkeypatch.setattr("anima_infer.training.data.prepared.CaptionEncoder", fail)
    prepare(samples, session.encoding(), session.cache)
