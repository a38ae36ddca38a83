"""Facts about ``models check``: parts in the wrong place, damage, and what does not fit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file

from anima_infer.cli.main import commands
from tests.infer.tiny import Tiny, small_lora, text_weights

PARTS = {
    "anima-base-v1.0.safetensors": "diffusion_models",
    "qwen_3_06b_base.safetensors": "text_encoders",
    "qwen_image_vae.safetensors": "vae",
}


@pytest.fixture
def comfyui(tmp_path: Path, tiny: Tiny) -> Path:
    """Return ComfyUI's folder with the tiny model."""
    for name, folder in PARTS.items():
        (tmp_path / "models" / folder).mkdir(parents=True)
        shutil.copy(tiny.folder / name, tmp_path / "models" / folder / name)
    for name, source in (("qwen25_tokenizer", tiny.files.qwen_tokenizer), ("t5_tokenizer", tiny.files.t5_tokenizer)):
        assert source is not None
        shutil.copytree(source, tmp_path / "comfy" / "text_encoders" / name)
    return tmp_path


def check(folder: Path, *options: str) -> Result:
    result = CliRunner().invoke(commands, ["models", "check", str(folder), *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def place(folder: Path, name: str) -> Path:
    return folder / "models" / PARTS[name] / name


def test_a_folder_that_is_right(comfyui: Path) -> None:
    for options, last in (((), "all files fit; --load reads the weights too"), (("--load",), "all files load and fit")):
        result = check(comfyui, *options)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.splitlines()[-1] == last
        assert "DiT             an Anima DiT of 2 blocks, F32" in result.stdout
        assert "VAE             a Qwen-Image VAE, F32" in result.stdout


def test_two_parts_swapped(comfyui: Path) -> None:
    text, vae = place(comfyui, "qwen_3_06b_base.safetensors"), place(comfyui, "qwen_image_vae.safetensors")
    kept = text.read_bytes()
    shutil.copy(vae, text)
    vae.write_bytes(kept)
    result = check(comfyui)
    assert result.exit_code == 1
    assert (
        f"error: {text}: is a Qwen-Image VAE; it belongs in models/vae, and the text encoder belongs here"
        in result.stderr
    )
    assert f"error: {vae}: is a Qwen3 text encoder; it belongs in models/text_encoders, and the VAE" in result.stderr


@pytest.mark.parametrize(
    ("name", "folder", "place"),
    [
        ("anima-base-v1.0.safetensors", "vae", "diffusion_models"),
        ("anima-base-v1.0.safetensors", "loras", "diffusion_models"),
        ("qwen_3_06b_base.safetensors", "diffusion_models", "text_encoders"),
        ("qwen_image_vae.safetensors", "text_encoders", "vae"),
    ],
)
def test_a_part_in_another_folder(comfyui: Path, name: str, folder: str, place: str) -> None:
    target = comfyui / "models" / folder / name
    target.parent.mkdir(exist_ok=True)
    shutil.move(comfyui / "models" / PARTS[name] / name, target)
    result = check(comfyui)
    assert result.exit_code == 1
    assert "not found" in result.stdout
    assert f"error: {target}: is a" in result.stderr
    assert f"belongs in models/{place}; move it there" in result.stderr
    assert "error: missing: " in result.stderr


def test_a_second_copy_in_the_wrong_folder(comfyui: Path) -> None:
    shutil.copy(place(comfyui, "qwen_image_vae.safetensors"), comfyui / "models" / "diffusion_models" / "x.safetensors")
    result = check(comfyui)
    assert result.exit_code == 1
    assert "x.safetensors: is a Qwen-Image VAE, which belongs in models/vae; move it there" in result.stderr


def test_a_lora_as_the_model(comfyui: Path) -> None:
    dit = place(comfyui, "anima-base-v1.0.safetensors")
    save_file(small_lora(), dit)
    result = check(comfyui)
    assert result.exit_code == 1
    assert "is a LoRA, which is applied to a model: pass it with --lora; it belongs in models/loras" in result.stderr


def test_a_dit_of_another_name_is_found_by_its_contents(comfyui: Path) -> None:
    dit = place(comfyui, "anima-base-v1.0.safetensors")
    dit.rename(dit.with_name("mymerge.safetensors"))
    result = check(comfyui)
    assert result.exit_code == 1
    assert "mymerge.safetensors: is an Anima DiT of 2 blocks; rename it to anima-mymerge.safetensors" in result.stderr


def test_a_gguf_file_in_place_of_the_model(comfyui: Path) -> None:
    dit = place(comfyui, "anima-base-v1.0.safetensors")
    dit.unlink()
    dit.with_name("anima-q8_0.gguf").write_bytes(b"GGUF" + bytes(64))
    result = check(comfyui)
    assert result.exit_code == 1
    assert "anima-q8_0.gguf: is a GGUF file, which is not supported" in result.stderr


def test_a_scale_without_description_is_a_warning_in_one_line(comfyui: Path) -> None:
    dit = place(comfyui, "anima-base-v1.0.safetensors")
    weights = load_file(dit)
    layer = "net.blocks.0.mlp.layer1"
    weights |= {f"{layer}.weight": torch.ones(512, 128, dtype=torch.int8), f"{layer}.weight_scale": torch.ones(512, 1)}
    dit.unlink()
    save_file(weights, dit)
    result = check(comfyui)
    assert result.exit_code == 0
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"warning: {dit}: 1 layer ('{layer}') has a scale but no description of the format; read as")


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("anima-base-v1.0.safetensors", "net.blocks.1.mlp.layer2.weight"),
        ("anima-base-v1.0.safetensors", "net.llm_adapter.norm.weight"),
        ("qwen_3_06b_base.safetensors", "model.layers.1.mlp.up_proj.weight"),
        ("qwen_image_vae.safetensors", "encoder.head.0.gamma"),
        ("qwen_image_vae.safetensors", "decoder.conv1.weight"),
    ],
)
def test_values_that_are_not_finite_in_any_part(comfyui: Path, name: str, tensor: str) -> None:
    path = place(comfyui, name)
    weights = load_file(path)
    weights[tensor].view(-1)[-1] = float("nan")
    path.unlink()
    save_file(weights, path)
    result = check(comfyui, "--load")
    assert result.exit_code == 1
    assert f"error: {path}: '{tensor}' contains values that are not finite; download the file again" in result.stderr


def test_damage_in_every_part_is_reported_at_once(comfyui: Path) -> None:
    for name in PARTS:
        path = place(comfyui, name)
        path.write_bytes(path.read_bytes()[:-100])
    result = check(comfyui)
    assert result.exit_code == 1
    assert result.stderr.count("is cut off in") == 3


def test_parts_that_do_not_fit_together(comfyui: Path) -> None:
    from dataclasses import replace

    from tests.infer.tiny import TEXT

    save_file(text_weights(replace(TEXT, width=64)), place(comfyui, "qwen_3_06b_base.safetensors"))
    result = check(comfyui)
    assert result.exit_code == 1
    assert "the text encoder returns 64 values a token, the adapter reads 32" in result.stderr


def test_missing_weights_and_tokenizers(comfyui: Path) -> None:
    text = place(comfyui, "qwen_3_06b_base.safetensors")
    weights = load_file(text)
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, text)
    (comfyui / "comfy" / "text_encoders" / "t5_tokenizer" / "tokenizer.json").write_text("{}")
    result = check(comfyui)
    assert result.exit_code == 1
    assert "1 missing (layers.1.mlp.up_proj.weight)" in result.stderr
    shutil.rmtree(comfyui / "comfy")
    assert "missing: Qwen tokenizer (folder qwen25_tokenizer), T5 tokenizer" in check(comfyui).stderr


def test_formats_are_named(comfyui: Path) -> None:
    import json

    path = place(comfyui, "anima-base-v1.0.safetensors")
    weights, layers = load_file(path), {}
    for layer in ("net.blocks.0.mlp.layer1", "net.blocks.1.mlp.layer1"):
        weights[f"{layer}.weight"] = weights[f"{layer}.weight"].to(torch.float8_e4m3fn)
        weights[f"{layer}.weight_scale"] = torch.tensor(1.0)
        layers[layer] = {"format": "float8_e4m3fn"}
    path.unlink()
    save_file(weights, path, {"_quantization_metadata": json.dumps({"layers": layers})})
    result = check(comfyui, "--load")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "an Anima DiT of 2 blocks, 2 layers in float8_e4m3fn" in result.stdout


def test_a_check_imports_neither_transformers_nor_dynamo(comfyui: Path) -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from anima_infer.cli.main import commands\n"
        f"assert CliRunner().invoke(commands, ['models', 'check', {str(comfyui)!r}]).exit_code == 0\n"
        "print([name for name in ('transformers', 'torch._dynamo') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
