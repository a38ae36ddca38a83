"""Facts about wrong model files on the command line: one clear line, exit code 2, and no weight is read."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import save, save_file
from torch import Tensor

from anima_infer.checkpoint import WeightFile
from anima_infer.cli.main import commands
from tests.infer.tiny import Tiny, dit_weights, small_lora, text_weights, vae_weights

LAYER = "blocks.0.mlp.layer1"
WEIGHT = f"{LAYER}.weight"
Weights = dict[str, Tensor]


@pytest.fixture
def no_weight_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a weight was read")

    monkeypatch.setattr(WeightFile, "tensor", refuse)


def render(folder: Path, output: Path, *options: str) -> tuple[int, list[str]]:
    """Return the exit code of ``render``, and its messages without notes and the warning about the size."""
    arguments = ["render", "1girl", "--models", str(folder), "--no-lint", "--size", "64x64", "--steps", "1"]
    result = CliRunner().invoke(commands, [*arguments, "--device", "cpu", "-o", str(output / "o.png"), *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    lines = [line for line in result.stderr.splitlines() if not line.startswith("note:") and "64x64" not in line]
    assert not (output / "o.png").exists()
    return result.exit_code, lines


def png() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PNG")
    return stream.getvalue()


def pickled(value: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def changed(**weights: Any) -> bytes:
    """Return a DiT's file with other weights; None leaves one out."""
    made = dit_weights() | {name.replace("__", "."): tensor for name, tensor in weights.items()}
    return save({name: tensor.contiguous() for name, tensor in made.items() if tensor is not None})


def described(layers: Any, **weights: Any) -> bytes:
    metadata = {"_quantization_metadata": layers if isinstance(layers, str) else json.dumps({"layers": layers})}
    return save(dit_weights() | weights, metadata)


def marked(text: bytes) -> bytes:
    return save(dit_weights() | {f"{LAYER}.comfy_quant": torch.frombuffer(bytearray(text), dtype=torch.uint8)})


W = dit_weights()
CHECKPOINTS: list[tuple[str, Callable[[], bytes], str]] = [
    ("a.png", png, "is a PNG image"),
    ("image.safetensors", png, "is a PNG image"),
    ("empty.safetensors", lambda: b"", "is empty (0 bytes)"),
    ("anima.gguf", lambda: b"GGUF" + bytes(99), "is a GGUF file, which is not supported"),
    ("gguf.safetensors", lambda: b"GGUF" + bytes(99), "is a GGUF file, which is not supported"),
    ("page.safetensors", lambda: b"<!doctype html>" * 40, "is a web page"),
    ("lfs.safetensors", lambda: b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
    ("a.onnx", lambda: b"\x08\x07\x12\x07pytorch" + bytes(range(256)), "is an ONNX model"),
    ("model_index.json", lambda: b'{"a": 1}', "is a JSON file"),
    ("error.safetensors", lambda: b"Invalid username or password.", "is a text file ('Invalid username or password.')"),
    ("pickle.safetensors", lambda: pickled(W), "is a PyTorch pickle, not a safetensors file"),
    ("other.pt", lambda: pickled({"epoch": 1}), "is a PyTorch pickle without named tensors"),
    ("a.zip", lambda: b"PK\3\4" + bytes(50), "is a damaged ZIP archive or PyTorch file"),
    ("header.safetensors", lambda: save(W)[:10], "ends inside the header"),
    ("half.safetensors", lambda: save(W)[: len(save(W)) // 2], "is cut off in '"),
    ("byte.safetensors", lambda: save(W)[:-1], "is cut off in '"),
    ("long.safetensors", lambda: save(W) + b"x", "goes on after its last tensor"),
    ("zeros.safetensors", lambda: bytes(9999), "is filled with zeros"),
    (
        "text.safetensors",
        lambda: save(text_weights()),
        "seems to be a Qwen3 text encoder; expected a file such as anima",
    ),
    ("vae.safetensors", lambda: save(vae_weights()), "seems to be a Qwen-Image VAE; expected a file such as anima"),
    ("lora.safetensors", lambda: save(small_lora()), "seems to be a LoRA, which is applied to a model: pass it with"),
    ("control.safetensors", lambda: save({"controlnet_blocks.0.weight": torch.ones(1)}), "a ControlNet, which is not"),
    (
        "flux.safetensors",
        lambda: save({"double_blocks.0.img_attn.qkv.weight": torch.ones(1)}),
        "this is a Flux model; ex",
    ),
    ("unknown.safetensors", lambda: save({"foo": torch.ones(1)}), "no part of Anima was recognized"),
    ("alone.safetensors", lambda: save({n: t for n, t in W.items() if n[:4] != "llm_"}), "no weights of the adapter"),
    (
        "missing.safetensors",
        lambda: changed(blocks__1__mlp__layer2__weight=None),
        "1 missing (blocks.1.mlp.layer2.weight)",
    ),
    ("extra.safetensors", lambda: changed(blocks__0__extra=torch.ones(1)), "1 unexpected (blocks.0.extra)"),
    ("int64.safetensors", lambda: changed(**{WEIGHT: W[WEIGHT].long()}), f"'{WEIGHT}' has dtype I64"),
    ("bool.safetensors", lambda: changed(**{WEIGHT: W[WEIGHT] > 0}), f"'{WEIGHT}' has dtype BOOL"),
    ("complex.safetensors", lambda: changed(**{WEIGHT: W[WEIGHT].to(torch.complex64)}), f"'{WEIGHT}' has dtype C64"),
    ("none.safetensors", lambda: changed(**{WEIGHT: torch.ones(0, 128)}), "expected two axes, not empty"),
    ("turned.safetensors", lambda: changed(**{WEIGHT: W[WEIGHT].T}), "has shape [128, 512]; expected [128, 128]"),
    ("nvfp4.safetensors", lambda: described({LAYER: {"format": "nvfp4"}}), "has dtype F32; nvfp4 needs U8"),
    ("unknown4.safetensors", lambda: described({LAYER: {"format": "float4"}}), "quantized as 'float4', which is not"),
    ("absent.safetensors", lambda: described({"blocks.9": {"format": "nvfp4"}}), "'blocks.9.weight' is missing"),
    ("text4.safetensors", lambda: described("hello"), "_quantization_metadata in the header is not JSON"),
    ("marker.safetensors", lambda: marked(b'{"for'), f"'{LAYER}.comfy_quant' is not JSON"),
    (
        "scale.safetensors",
        lambda: described(
            {LAYER: {"format": "float8_e4m3fn"}},
            **{WEIGHT: W[WEIGHT].to(torch.float8_e4m3fn), f"{LAYER}.weight_scale": torch.tensor(float("nan"))},
        ),
        f"'{LAYER}.weight_scale' contains values that are not finite",
    ),
]


@pytest.mark.usefixtures("no_weight_is_read")
@pytest.mark.parametrize(("name", "data", "message"), CHECKPOINTS, ids=[case[0] for case in CHECKPOINTS])
def test_a_wrong_checkpoint(tmp_path: Path, tiny: Tiny, name: str, data: Callable[[], bytes], message: str) -> None:
    path = tmp_path / name
    path.write_bytes(data())
    code, lines = render(tiny.folder, tmp_path, "--checkpoint", str(path))
    assert code == 2
    (line,) = lines
    assert line.startswith(f"error: {path}: ")
    assert message in line


@pytest.mark.usefixtures("no_weight_is_read")
@pytest.mark.parametrize(
    "value", ["", "nothing", "/nowhere/a.safetensors", "x" * 5000, "a\0b", "~nobody/a", "a\nb", "\x1b[2J"]
)
def test_a_checkpoint_that_does_not_exist(tmp_path: Path, tiny: Tiny, value: str) -> None:
    code, lines = render(tiny.folder, tmp_path, "--checkpoint", value)
    assert code == 2
    (line,) = lines
    assert line.startswith("error: checkpoint '")
    assert "does not exist; pass a DiT file, the folder of a model, or a name; available names: anima-base-v1.0" in line
    assert line.isprintable()
    assert len(line) < 400


@pytest.mark.usefixtures("no_weight_is_read")
def test_a_folder_that_is_no_model(tmp_path: Path, tiny: Tiny) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(png())
    code, (line,) = render(tiny.folder, tmp_path, "--checkpoint", str(tmp_path / "images"))
    assert code == 2
    assert "missing: DiT (anima-base-v1.0.safetensors), text encoder" in line


def integers(weights: Weights) -> Weights:
    return weights | {"decoder.conv1.weight": torch.ones_like(weights["decoder.conv1.weight"], dtype=torch.int8)}


FOLDERS: list[tuple[str, str, Callable[[], bytes], str]] = [
    (
        "swapped",
        "qwen_image_vae",
        lambda: save(text_weights()),
        "contains no weights of the VAE; the file seems to be a Qwen3",
    ),
    ("text LoRA", "qwen_3_06b_base", lambda: save(small_lora()), "seems to be a LoRA"),
    ("VAE cut", "qwen_image_vae", lambda: save(vae_weights())[:-5], "is cut off in '"),
    ("VAE int8", "qwen_image_vae", lambda: save(integers(vae_weights())), "'decoder.conv1.weight' has dtype I8"),
    ("VAE scalar", "qwen_image_vae", lambda: save(vae_weights() | {"conv2.weight": torch.ones(())}), "has shape []"),
    (
        "Qwen2.5",
        "qwen_3_06b_base",
        lambda: save({"model.layers.0.self_attn.q_proj.bias": torch.ones(2)}),
        "a Qwen2.5 text",
    ),
    (
        "text weight missing",
        "qwen_3_06b_base",
        lambda: save({n: t for n, t in text_weights().items() if n != "model.norm.weight"}),
        "1 missing (norm.weight)",
    ),
]


@pytest.mark.usefixtures("no_weight_is_read")
@pytest.mark.parametrize(("name", "data", "message"), [case[1:] for case in FOLDERS], ids=[case[0] for case in FOLDERS])
def test_a_wrong_part(tmp_path: Path, tiny: Tiny, name: str, data: Callable[[], bytes], message: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny.folder, folder)
    path = folder / f"{name}.safetensors"
    path.write_bytes(data())
    code, lines = render(folder, tmp_path)
    assert code == 2
    (line,) = lines
    assert line.startswith(f"error: {path}: ")
    assert message in line


def test_the_profile_of_a_derived_model_comes_with_its_note(tmp_path: Path, tiny: Tiny) -> None:
    checkpoint = tmp_path / "waiANIMA_v10.safetensors"
    save_file(W, checkpoint)
    arguments = ["render", "1girl", "--models", str(tiny.folder), "--no-lint", "--size", "64x64", "--steps", "1"]
    options = ["--device", "cpu", "--checkpoint", str(checkpoint), "-o", str(tmp_path / "a.png")]
    result = CliRunner().invoke(commands, [*arguments, *options])
    assert result.exit_code == 0
    assert "note: WAI-ANIMA: the figures are those of base 1.0; none has a source for this model" in result.stderr


def test_a_pickle_and_double_precision_load(tmp_path: Path, tiny: Tiny) -> None:
    torch.save(W, tmp_path / "a.ckpt")
    save_file({name: tensor.double() for name, tensor in W.items()}, tmp_path / "b.safetensors")
    for name in ("a.ckpt", "b.safetensors"):
        arguments = ["render", "1girl", "--models", str(tiny.folder), "--no-lint", "--size", "64x64", "--steps", "1"]
        options = ["--device", "cpu", "--checkpoint", str(tmp_path / name), "-o", str(tmp_path / f"{name}.png")]
        assert CliRunner().invoke(commands, [*arguments, *options]).exit_code == 0
