"""Facts about weight files: every layout loads, and every wrong file gets one clear line."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from anima_infer.checkpoint import (
    WeightFile,
    describe_file,
    load_adapter,
    load_dit,
    load_vae,
)
from anima_infer.checkpoint.loading import load_text_encoder
from anima_infer.errors import CheckpointError
from anima_infer.models import Models
from tests.infer.tiny import FP32, Tiny, dit_weights, same, text_weights, vae_weights


@pytest.mark.parametrize("prefix", ["", "net.", "model.diffusion_model.", "diffusion_model.", "model.model."])
def test_every_prefix(tmp_path: Path, models: Models, prefix: str) -> None:
    extra = {f"{prefix}pos_embedder.seq": torch.zeros(3), f"{prefix}blocks.0.self_attn.inv_freq": torch.zeros(2)}
    save_file({prefix + n: t for n, t in dit_weights().items()} | extra, tmp_path / "a.safetensors")
    file = WeightFile.open(tmp_path / "a.safetensors")
    assert same(load_dit(file, **FP32), models.dit)
    assert same(load_adapter(file, **FP32), models.encoder.adapter)


def test_all_in_one(tmp_path: Path, models: Models) -> None:
    whole = {f"model.diffusion_model.{n}": t for n, t in dit_weights().items()}
    whole |= {f"text_encoders.qwen3_06b.transformer.{n}": t for n, t in text_weights().items()}
    whole |= {f"vae.{n}": t for n, t in vae_weights().items()}
    save_file(whole, tmp_path / "a.safetensors")
    file = WeightFile.open(tmp_path / "a.safetensors")
    assert same(load_dit(file, **FP32), models.dit)
    assert same(load_vae(file, **FP32), models.vae)
    assert same(load_text_encoder(file, **FP32), models.encoder.text)
    assert "DiT" in describe_file(file)
    assert "VAE" in describe_file(file)


def test_a_separate_adapter(tmp_path: Path, models: Models) -> None:
    weights = dit_weights()
    save_file({n: t for n, t in weights.items() if not n.startswith("llm_adapter.")}, tmp_path / "dit.safetensors")
    bare = {n.removeprefix("llm_adapter."): t for n, t in weights.items() if n.startswith("llm_adapter.")}
    save_file(bare, tmp_path / "llm_adapter.safetensors")
    assert same(load_adapter(WeightFile.open(tmp_path / "llm_adapter.safetensors"), **FP32), models.encoder.adapter)
    with pytest.raises(CheckpointError, match="contains no weights of the adapter; the file seems to be an Anima DiT"):
        load_adapter(WeightFile.open(tmp_path / "dit.safetensors"), **FP32)


def test_pickles_of_plain_tensors_alone(tmp_path: Path, models: Models) -> None:
    torch.save(vae_weights(), tmp_path / "vae.pth")
    assert same(load_vae(WeightFile.open(tmp_path / "vae.pth"), **FP32), models.vae)

    class Bomb:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'burst'}",)

    torch.save({"a": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(CheckpointError, match="only files of plain tensors"):
        WeightFile.open(tmp_path / "bomb.pth")
    assert not (tmp_path / "burst").exists()


def fp8(weights: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the big matrices as float8 with a scale."""
    made = {}
    for name, tensor in weights.items():
        if name.startswith("blocks.") and tensor.ndim == 2 and "adaln" not in name:
            scale = tensor.abs().max() / 448
            made[name] = ((tensor / scale).to(torch.float8_e4m3fn), scale)
    return made


@pytest.mark.parametrize("form", ["plain", "legacy", "current"])
def test_float8(tmp_path: Path, models: Models, form: str) -> None:
    weights = dit_weights()
    small = fp8(weights)
    made = dict(weights)
    for name, (values, scale) in small.items():
        stem = name.removesuffix("weight")
        if form == "plain":
            made[name] = weights[name].to(torch.float8_e4m3fn)
        elif form == "legacy":
            made |= {name: values, f"{stem}scale_weight": scale, f"{stem}scale_input": torch.tensor(1.0)}
        else:
            quant = torch.tensor(list(json.dumps({"format": "float8_e4m3fn"}).encode()), dtype=torch.uint8)
            made |= {name: values, f"{stem}weight_scale": scale, f"{stem}comfy_quant": quant}
    if form == "legacy":
        made["scaled_fp8"] = torch.zeros(2, dtype=torch.float8_e4m3fn)
    save_file({f"net.{n}": t for n, t in made.items()}, tmp_path / "a.safetensors")
    loaded = load_dit(WeightFile.open(tmp_path / "a.safetensors"), **FP32)
    for (name, got), want in zip(loaded.state_dict().items(), models.dit.state_dict().values(), strict=True):
        torch.testing.assert_close(got, want, atol=0.05 * float(want.abs().max()), rtol=0.1, msg=name)
        assert torch.equal(got, want) is (name not in small)


def one(name: str) -> dict[str, Tensor]:
    return {name: torch.zeros(2, 2)}


@pytest.mark.parametrize(
    ("weights", "load", "said"),
    [
        (one("model.diffusion_model.input_blocks.0.0.weight"), load_dit, "Stable Diffusion or SDXL"),
        (one("decoder.upsamples.0.upsamples.0.residual.2.weight"), load_vae, "Wan 2.2 VAE; Anima needs qwen_image_vae"),
        (one("model.layers.0.self_attn.q_proj.bias"), load_text_encoder, "Qwen2.5 text encoder; Anima needs"),
        (one("double_blocks.0.img_attn.qkv.weight"), load_dit, "a Flux model"),
        (one("lora_unet_blocks_0_mlp_layer1.lora_down.weight"), load_dit, "a LoRA, .* pass it with --lora"),
        (one("diffusion_model.blocks.0.mlp.layer1.lora_A.weight"), load_dit, "a LoRA, .* pass it with --lora"),
        (one("lora_unet_blocks_0_mlp_layer1.hada_w1_a"), load_vae, "a LoRA, .* pass it with --lora"),
        (one("lllite_dit_blocks_0_self_attn_q_proj.down.weight"), load_dit, "a ControlNet-LLLite, which is not supp"),
        (one("controlnet_blocks.0.weight"), load_dit, "a ControlNet, which is not supported"),
        (one("ip_adapter.1.to_k_ip.weight"), load_dit, "an IP-Adapter, which is not supported"),
        (one("qwen3_06b"), load_dit, "a textual embedding, named in a prompt"),
        (one("text_model.encoder.layers.0.self_attn.q_proj.weight"), load_text_encoder, "a CLIP text encoder"),
        (one("encoder.block.0.layer.0.SelfAttention.q.weight"), load_text_encoder, "a T5 text encoder"),
        (one("something.else"), load_dit, "no part of Anima was recognized"),
    ],
)
def test_another_model_is_named(tmp_path: Path, weights: dict[str, Tensor], load: Any, said: str) -> None:
    save_file(weights, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=said) as caught:
        load(WeightFile.open(tmp_path / "a.safetensors"), **FP32)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_missing_and_unexpected_weights_are_told_together(tmp_path: Path) -> None:
    weights = dit_weights()
    del weights["blocks.1.mlp.layer2.weight"]
    weights["blocks.1.mlp.layer3.weight"] = torch.zeros(1)
    save_file({f"net.{n}": t for n, t in weights.items()}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError) as caught:
        load_dit(WeightFile.open(tmp_path / "a.safetensors"), **FP32)
    assert "1 missing (blocks.1.mlp.layer2.weight); 1 unexpected (blocks.1.mlp.layer3.weight)" in str(caught.value)


PARTS: list[tuple[Any, dict[str, Tensor], str]] = [
    (load_dit, dit_weights(), "blocks.0.mlp.layer1.weight"),
    (load_dit, dit_weights(), "x_embedder.proj.1.weight"),
    (load_adapter, dit_weights(), "llm_adapter.embed.weight"),
    (load_adapter, dit_weights(), "llm_adapter.blocks.0.mlp.0.bias"),
    (load_text_encoder, text_weights(), "model.norm.weight"),
    (load_vae, vae_weights(), "decoder.head.2.bias"),
    (load_vae, vae_weights(), "encoder.conv1.weight"),
]


@pytest.mark.parametrize(("load", "weights", "name"), PARTS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float8_e4m3fn])
def test_values_that_are_not_finite(
    tmp_path: Path, load: Any, weights: dict[str, Tensor], name: str, value: float, dtype: torch.dtype
) -> None:
    made = {stored: tensor.clone() for stored, tensor in weights.items()}
    made[name].flatten()[-1] = float("nan") if dtype is torch.float8_e4m3fn else value
    made[name] = made[name].to(dtype)
    save_file(made, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=f"'{name}' contains values that are not finite"):
        load(WeightFile.open(tmp_path / "a.safetensors"), **FP32)


def test_large_finite_values_are_no_damage_but_do_not_fit_fp16(tmp_path: Path) -> None:
    weights = dit_weights()
    weights["blocks.0.mlp.layer1.weight"][:4] = 1e38
    save_file(weights, tmp_path / "a.safetensors")
    file = WeightFile.open(tmp_path / "a.safetensors")
    assert load_dit(file, **FP32).state_dict()["blocks.0.mlp.layer1.weight"].max() == torch.tensor(1e38)
    with pytest.raises(CheckpointError, match=r"has values up to 1e\+38, but fp16 ends at 65504; pass --dtype bf16"):
        load_dit(file, dtype=torch.float16, device=torch.device("cpu"))


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("x_embedder.proj.1.weight", (128,), r"'x_embedder.proj.1.weight' has shape \[128\]; expected two axes"),
        ("blocks.0.self_attn.q_norm.weight", (0,), r"expected one axis, not empty"),
        ("blocks.0.self_attn.q_norm.weight", (7,), "has 7 values, which do not divide the width 128"),
        ("blocks.99999.mlp.layer1.weight", (2, 2), "'blocks.2' is missing, although the weights go up to"),
        ("blocks.1.mlp.layer1.weight", (2, 2), r"has shape \[2, 2\]; expected \[512, 128\]"),
        ("final_layer.linear.weight", (), r"has shape \[\]"),
    ],
)
def test_sizes_that_are_no_network(tmp_path: Path, name: str, shape: tuple[int, ...], message: str) -> None:
    save_file(dit_weights() | {name: torch.zeros(shape)}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=message) as caught:
        load_dit(WeightFile.open(tmp_path / "a.safetensors"), **FP32)
    assert str(caught.value).count(str(tmp_path)) == 1


def test_two_versions_of_a_tensor_in_a_folder(tmp_path: Path) -> None:
    for name in ("model.safetensors", "model.fp16.safetensors"):
        save_file(one("blocks.0.mlp.layer1.weight"), tmp_path / name)
    with pytest.raises(CheckpointError, match="is also in another file of the folder; keep one version"):
        WeightFile.open(tmp_path)


def test_the_shapes_of_a_text_encoder_are_known_without_building_it(models: Models) -> None:
    from tests.infer.tiny import TEXT

    built = {name: tuple(tensor.shape) for name, tensor in models.encoder.text.model.state_dict().items()}
    assert TEXT.weight_shapes() == built


def test_all_parts_are_checked_before_one_is_loaded(
    tmp_path: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    weights = vae_weights()
    del weights["decoder.conv1.bias"]
    save_file(weights, tmp_path / "vae.safetensors")

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a weight was read")

    monkeypatch.setattr(WeightFile, "tensor", refuse)
    with pytest.raises(CheckpointError, match=r"vae\.safetensors: weights do not fit: 1 missing"):
        Models.load(replace(tiny.files, vae=tmp_path / "vae.safetensors"), dtype="fp32", device="cpu")


@pytest.mark.slow
def test_loading_needs_little_more_memory_than_the_file(tmp_path: Path) -> None:
    """In a process of its own: a file of 400 MB in bf16."""
    from anima_infer.model.config import DitConfig

    config = DitConfig(width=1024, blocks=10, heads=8, mlp_width=4096)
    weights = {n: t.bfloat16() for n, t in dit_weights(config, None).items()}
    path = tmp_path / "a.safetensors"
    save_file(weights, path)
    code = (
        "import resource,sys,torch\n"
        "from pathlib import Path\n"
        "from anima_infer.checkpoint import WeightFile, load_dit\n"
        "before=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"load_dit(WeightFile.open(Path({str(path)!r})),dtype=torch.bfloat16,device=torch.device('cpu'))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss-before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 1.2 * path.stat().st_size
    assert resource.getpagesize() > 0
