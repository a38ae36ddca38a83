"""Facts about images of front ends: every encoding and every format is read, and damage is one line."""

from __future__ import annotations

import json
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin, features

from anima_prompt.dialects import Dialect, ForeignDialect
from anima_prompt.errors import AnimaPromptError
from anima_prompt.interchange.images import read_image
from anima_prompt.interchange.recorded import Recorded
from tests.lint_files.images import graph

GOOD, BAD = "1girl, red hat, café", "blurry, 悪い"
LINE = "Steps: 30, Sampler: Euler a, CFG scale: 4.5, Seed: 7, Size: 832x1216, Model: anima-base-v1.0"
INFOTEXT = f"{GOOD}\nNegative prompt: {BAD}\n{LINE}"
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description><exif:UserComment><rdf:Alt>'
    '<rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></exif:UserComment></rdf:Description></rdf:RDF></x:xmpmeta>'
)


def png(path: Path, **texts: str) -> Path:
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_itxt(key.replace("_", "-") if key == "sd_metadata" else key, text)
    Image.new("RGB", (8, 8)).save(path, pnginfo=info)
    return path


def with_exif(path: Path, *, comment: bytes | None = None, **fields: Any) -> Path:
    exif = Image.Exif()
    if comment is not None:
        exif.get_ifd(0x8769)[0x9286] = comment
    for tag, value in fields.items():
        exif[int(tag[1:], 16)] = value
    Image.new("RGB", (8, 8)).save(path, exif=exif.tobytes())
    return path


def read_one(path: Path) -> Recorded:
    (found,) = read_image(path)
    return found


COMMENTS = {
    "utf-16 be": b"UNICODE\0" + INFOTEXT.encode("utf-16-be"),
    "utf-16 le": b"UNICODE\0" + INFOTEXT.encode("utf-16-le"),
    "be with a mark": b"UNICODE\0\xfe\xff" + INFOTEXT.encode("utf-16-be"),
    "le with a mark": b"UNICODE\0\xff\xfe" + INFOTEXT.encode("utf-16-le"),
    "ascii code, utf-8 text": b"ASCII\0\0\0" + INFOTEXT.encode(),
    "no code": INFOTEXT.encode(),
    "zero code": b"\0" * 8 + INFOTEXT.encode(),
    "crlf": b"UNICODE\0" + INFOTEXT.replace("\n", "\r\n").encode("utf-16-be"),
    "unicode code, utf-8 text": b"UNICODE\0" + INFOTEXT.encode(),
    "zeros behind": b"UNICODE\0" + INFOTEXT.encode("utf-16-le") + b"\0\0\0",
}


@pytest.mark.parametrize("ending", ["jpg", "webp"])
@pytest.mark.parametrize("name", COMMENTS)
def test_a_comment_is_read_in_every_encoding(tmp_path: Path, name: str, ending: str) -> None:
    found = read_one(with_exif(tmp_path / f"a.{ending}", comment=COMMENTS[name]))
    assert (found.prompt, found.negative, found.source) == (GOOD, BAD, "a1111")
    assert found.settings.items() >= {"steps": "30", "seed": "7", "width": "832", "sampler": "Euler a"}.items()
    assert (found.model, found.dialect) == ("anima-base-v1.0", Dialect.A1111)


@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
def test_a_comment_may_begin_with_cjk(tmp_path: Path, order: str) -> None:
    text = INFOTEXT.replace(GOOD, "初音ミク, 1girl")
    path = with_exif(tmp_path / "a.jpg", comment=b"UNICODE\0" + text.encode(order))
    assert read_one(path).prompt == "初音ミク, 1girl"


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif_is_read(tmp_path: Path) -> None:
    path = with_exif(tmp_path / "a.avif", comment=COMMENTS["utf-16 be"])
    assert read_one(path).prompt == GOOD


def test_fields_and_comments_are_read(tmp_path: Path) -> None:
    xp = with_exif(tmp_path / "a.jpg", x9C9C=INFOTEXT.encode("utf-16-le"))
    assert read_one(xp).negative == BAD
    described = with_exif(tmp_path / "b.jpg", x010E=INFOTEXT.replace("café", "cafe").replace("悪い", "bad"))
    assert read_one(described).negative == "blurry, bad"
    gif, jpeg = tmp_path / "c.gif", tmp_path / "d.jpg"
    for path in (gif, jpeg):
        Image.new("RGB", (8, 8)).save(path, comment=INFOTEXT.encode())
        assert read_one(path).prompt == GOOD


@pytest.mark.parametrize(
    ("texts", "source", "settings"),
    [
        ({"parameters": json.dumps({"sui_image_params": {"prompt": GOOD, "negativeprompt": BAD, "steps": 30, "cfgscale": 4.5, "seed": 7, "width": 832, "height": 1216, "model": "m"}})}, "swarmui", {"guidance_scale": "4.5", "width": "832"}),
        ({"parameters": json.dumps({"prompt": GOOD, "negative_prompt": BAD, "steps": 30, "seed": "7", "resolution": "(832, 1216)", "base_model": "m"}), "fooocus_scheme": "fooocus"}, "fooocus", {"width": "832", "seed": "7"}),
        ({"invokeai_metadata": json.dumps({"positive_prompt": GOOD, "negative_prompt": BAD, "steps": 30, "seed": 7, "scheduler": "euler", "cfg_scale": 4.5, "model": {"name": "m"}})}, "invokeai", {"sampler": "euler", "guidance_scale": "4.5"}),
        ({"sd_metadata": json.dumps({"image": {"prompt": f"{GOOD} [{BAD}]", "steps": 30}})}, "invokeai", {"steps": "30"}),
        ({"Dream": f'"{GOOD} [{BAD}]" -s 30 -S 7 -W 832 -H 1216 -C 4.5 -A k_euler'}, "invokeai", {"seed": "7", "width": "832"}),
        ({"Software": "NovelAI", "Description": GOOD, "Comment": json.dumps({"prompt": GOOD, "uc": BAD, "steps": 28, "scale": 5, "sampler": "k_euler"})}, "novelai", {"steps": "28", "guidance_scale": "5"}),
        ({"Software": "NovelAI", "Comment": json.dumps({"v4_prompt": {"caption": {"base_caption": GOOD, "char_captions": []}}, "v4_negative_prompt": {"caption": {"base_caption": BAD}}, "prompt": "x"})}, "novelai", {}),
        ({"XML:com.adobe.xmp": XMP.format(json.dumps({"c": GOOD, "uc": BAD, "steps": 30, "size": "832x1216"}).replace('"', "&quot;"))}, "draw things", {"width": "832"}),
        ({"prompt": GOOD, "negative_prompt": BAD, "num_inference_steps": "30", "guidance_scale": "4.5"}, "easy diffusion", {"steps": "30", "guidance_scale": "4.5"}),
        ({"prompt": json.dumps(graph(GOOD, BAD))}, "comfyui", {"steps": "30", "width": "1024"}),
        ({"prompt": json.dumps({**graph(GOOD, BAD), "9": {"class_type": "X", "inputs": {}, "is_changed": [float("nan")]}})}, "comfyui", {"steps": "30"}),
        ({"prompt": "{broken", "workflow": json.dumps(graph(GOOD, BAD))}, "comfyui", {"steps": "30"}),
        ({"parameters": json.dumps({"Prompt": GOOD, "Negative Prompt": BAD, "Steps": 30})}, "fooocus", {"steps": "30"}),
        ({"parameters": "\ufeff" + INFOTEXT}, "a1111", {"steps": "30"}),
        ({"parameters": INFOTEXT, "prompt": json.dumps(graph("x", "y"))}, "a1111", {"steps": "30"}),
    ],
)  # fmt: skip
def test_the_formats_of_front_ends(
    tmp_path: Path, texts: dict[str, str], source: str, settings: dict[str, str]
) -> None:
    found = read_one(png(tmp_path / "a.png", **texts))
    assert (found.prompt, found.negative, found.source) == (GOOD, BAD, source)
    assert found.settings.items() >= settings.items()


def test_json_may_stand_in_a_comment(tmp_path: Path) -> None:
    swarm = json.dumps({"sui_image_params": {"prompt": GOOD, "negativeprompt": BAD}})
    novel = json.dumps({"Comment": json.dumps({"prompt": GOOD, "uc": BAD}), "Description": GOOD})
    flow = json.dumps({"prompt": graph(GOOD, BAD)})
    dumped = json.dumps({"prompt": json.dumps(graph(GOOD, BAD)), "workflow": "{}"})
    civitai = json.dumps({**graph("x", "y"), "extraMetadata": json.dumps({"prompt": GOOD, "negativePrompt": BAD})})
    for text, source in (
        (swarm, "swarmui"),
        (novel, "novelai"),
        (flow, "comfyui"),
        (dumped, "comfyui"),
        (civitai, "civitai"),
    ):
        path = with_exif(tmp_path / "a.jpg", comment=b"UNICODE\0" + text.encode("utf-16-le"))
        found = read_one(path)
        assert (found.prompt, found.negative, found.source) == (GOOD, BAD, source)


def test_novelai_keeps_its_dialect_and_its_characters(tmp_path: Path) -> None:
    people = [{"char_caption": "girl, {hat}", "centers": []}, {"char_caption": ""}, {"char_caption": "boy"}]
    comment = {"v4_prompt": {"caption": {"base_caption": "2people", "char_captions": people}}, "uc": BAD}
    found = read_image(png(tmp_path / "a.png", Software="NovelAI", Comment=json.dumps(comment)))
    assert [(one.prompt, one.role) for one in found] == [
        ("2people", "positive"),
        ("girl, {hat}", "region"),
        ("boy", "region"),
    ]
    assert {one.dialect for one in found} == {ForeignDialect.NOVELAI}


@pytest.mark.parametrize(
    ("text", "prompt", "negative"),
    [
        (f"{GOOD}. Negative prompt: {BAD}. {LINE}", GOOD, BAD),
        (f"{GOOD} Negative prompt: {BAD} {LINE}", GOOD, BAD),
        (f"{GOOD}\nNegative prompt: {BAD} {LINE}", GOOD, BAD),
        (f"{GOOD}\n{LINE}", GOOD, ""),
        (f"{GOOD}, {LINE}", GOOD, ""),
        (f"Negative prompt: {BAD}\n{LINE}", "", BAD),
        (f'{GOOD}\nNegative prompt: {BAD}\n{LINE}, ADetailer prompt: "eyes, Steps: 3\\nNegative prompt: x"', GOOD, BAD),
        (f"Steps: 3 up the stairs,\n{GOOD}\nNegative prompt: {BAD}\n{LINE}", f"Steps: 3 up the stairs,\n{GOOD}", BAD),
        (f"{GOOD}\nsecond line\nNegative prompt: {BAD}\nand more\n{LINE}", f"{GOOD}\nsecond line", f"{BAD}\nand more"),
        (GOOD, GOOD, None),
    ],
)  # fmt: skip
def test_forms_of_the_parameters_text(tmp_path: Path, text: str, prompt: str, negative: str | None) -> None:
    found = read_one(png(tmp_path / "a.png", parameters=text))
    assert (found.prompt, found.negative) == (prompt, negative)
    if "Steps: 30" in text:
        assert found.settings["steps"] == "30"


def test_what_is_no_prompt_is_left_alone(tmp_path: Path) -> None:
    assert read_image(png(tmp_path / "a.png", Software="GIMP", Comment="made with love")) == []
    assert read_image(with_exif(tmp_path / "b.jpg", comment=b"ASCII\0\0\0   ", x010E="HOLIDAY", x010F="Camera")) == []
    assert read_image(with_exif(tmp_path / "c.webp")) == []
    assert read_image(png(tmp_path / "d.png", prompt='{"a": 1}')) == []


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_texts_of_a_png_may_stand_behind_its_pixels_and_in_other_encodings(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png")
    head = path.read_bytes()[:-12]
    end = chunk(b"IEND", b"")
    for text in (
        chunk(b"tEXt", b"parameters\0" + INFOTEXT.encode()),
        chunk(b"zTXt", b"parameters\0\0" + zlib.compress(INFOTEXT.encode())),
        chunk(b"iTXt", b"parameters\0\1\0\0\0" + zlib.compress(INFOTEXT.encode())),
    ):
        path.write_bytes(head + text + end)
        assert read_one(path).prompt == GOOD
        path.write_bytes(head + text)  # the end is cut off
        assert read_one(path).prompt == GOOD


def test_a_text_that_unpacks_without_end_is_refused_in_one_line(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png")
    packed = chunk(b"zTXt", b"parameters\0\0" + zlib.compress(b"a" * 40_000_000))
    path.write_bytes(path.read_bytes()[:33] + packed + path.read_bytes()[33:])
    with pytest.raises(AnimaPromptError, match="cannot be read"):
        read_image(path)


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "gif"])
def test_damaged_files_are_read_or_refused_in_one_line(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    if ending == "png":
        png(path, parameters=INFOTEXT, prompt=json.dumps(graph(GOOD, BAD)))
    elif ending == "gif":
        Image.new("RGB", (8, 8)).save(path, comment=INFOTEXT.encode())
    else:
        with_exif(path, comment=COMMENTS["utf-16 le"], x010E="Prompt: {}")
    whole = path.read_bytes()
    source = random.Random(0)
    for index in range(300):
        data = bytearray(whole[: source.randrange(len(whole))] if index % 2 else whole)
        for _ in range(source.randrange(1, 9)):
            if data:
                data[source.randrange(len(data))] = source.randrange(256)
        path.write_bytes(bytes(data))
        try:
            read_image(path)
        except AnimaPromptError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017
