"""Facts about merging LoRAs into a file: nothing else changes, and a coarse dtype gets all of a small change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from anima_infer.checkpoint import WeightFile
from anima_infer.cli.main import commands
from anima_infer.errors import LoraError
from anima_infer.lora import Lora
from anima_infer.lora.merge import merge_into_file
from anima_infer.lora.rounding import COARSE, round_stochastically
from tests.infer.arithmetic import numbers
from tests.infer.lora.test_depth import lora_of
from tests.infer.tiny import dit_weights, small_lora, text_weights, vae_weights

LAYER = "blocks.1.mlp.layer1"


def small_change(size: float) -> dict[str, Tensor]:
    """Return a LoRA whose norm is a share of the weight's."""
    weight = dit_weights()[f"{LAYER}.weight"]
    up, down = numbers("up", (512, 4)), numbers("down", (4, 128))
    return {
        f"diffusion_model.{LAYER}.lora_A.weight": down,
        f"diffusion_model.{LAYER}.lora_B.weight": up * size * weight.norm() / (up @ down).norm(),
    }


def run(*arguments: object) -> str:
    done = CliRunner().invoke(commands, ["lora", "merge", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("size", [0.003, 0.01, 0.03])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn, torch.float16, torch.float32])
def test_what_is_merged_arrives_whole(tmp_path: Path, dtype: torch.dtype, size: float) -> None:
    """Rounded to the nearest, 0.3 % of an fp8 weight arrive as 0.4 %; here all of it does, as noise on average."""
    base = {f"net.{name}": tensor.to(dtype) for name, tensor in dit_weights().items()}
    save_file(base, tmp_path / "m.safetensors")
    save_file(small_change(size), tmp_path / "l.safetensors")
    output = run(tmp_path / "m.safetensors", tmp_path / "l.safetensors", "-o", tmp_path / "out", "--seed", 3)
    merged = load_file(tmp_path / "out")
    assert merged.keys() == base.keys()
    for name, tensor in merged.items():
        assert tensor.dtype == dtype
        assert LAYER in name or torch.equal(tensor.view(torch.uint8), base[name].view(torch.uint8))
    change = small_change(size)
    wanted = change[f"diffusion_model.{LAYER}.lora_B.weight"] @ change[f"diffusion_model.{LAYER}.lora_A.weight"]
    moved = merged[f"net.{LAYER}.weight"].double() - base[f"net.{LAYER}.weight"].double()
    arrived = float((moved * wanted).sum() / wanted.square().sum())
    assert abs(arrived - 1) < {torch.float8_e4m3fn: 0.006 / size, torch.bfloat16: 0.03}.get(dtype, 5e-3)
    word = str(dtype).removeprefix("torch.")
    says = f"note: rounded stochastically with seed 3, so that small changes arrive: 1 as {word}"
    assert (says in output) == (dtype in COARSE)
    assert "1 tensor changed" in output


def test_the_seed_decides_the_rounding(tmp_path: Path) -> None:
    save_file({f"net.{name}": t.to(torch.bfloat16) for name, t in dit_weights().items()}, tmp_path / "m.safetensors")
    save_file(small_change(0.01), tmp_path / "l.safetensors")
    for seed, name in ((1, "a"), (1, "b"), (2, "c")):
        run(tmp_path / "m.safetensors", tmp_path / "l.safetensors", "-o", tmp_path / name, "--seed", seed)
    a, b, c = (load_file(tmp_path / name)[f"net.{LAYER}.weight"] for name in "abc")
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@given(st.integers(0, 2**32 - 1), st.sampled_from(COARSE))
def test_rounding_gives_a_neighbor_and_keeps_what_the_dtype_has(seed: int, dtype: torch.dtype) -> None:
    source = torch.Generator().manual_seed(seed)
    x = torch.randn(200, generator=source) * 10 ** torch.randint(-6, 4, (200,), generator=source)
    limit = torch.finfo(dtype).max
    got = round_stochastically(x, dtype, name="x", seed=seed)
    nearest = x.clamp(-limit, limit).to(dtype)
    assert torch.equal(round_stochastically(nearest.float(), dtype, name="x").float(), nearest.float())
    step = (nearest.float() - x.clamp(-limit, limit)).abs()
    spacing = torch.where(nearest.float().abs() > 0, nearest.float().abs() * torch.finfo(dtype).eps, 0)
    smallest = torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    error = (got.float() - x.clamp(-limit, limit)).abs()
    assert (error <= torch.maximum(spacing, torch.tensor(smallest)) + step).all()
    assert torch.isfinite(got.float()).all()


@pytest.mark.parametrize("dtype", COARSE)
@pytest.mark.parametrize("value", [1.01, -0.3001, 3e-3, 440.5])
def test_the_mean_of_rounded_values_is_the_value(dtype: torch.dtype, value: float) -> None:
    rounded = round_stochastically(torch.full((200_000,), value), dtype, name="x").float()
    assert len(rounded.unique()) == 2
    spread = float(rounded.max() - rounded.min())
    assert abs(float(rounded.double().mean()) - value) < 5 * spread / 200_000**0.5


def test_scales_of_quantized_layers_go_with_them(tmp_path: Path) -> None:
    weights = {f"net.{name}": tensor.to(torch.bfloat16) for name, tensor in dit_weights().items()}
    for layer in (LAYER, "blocks.0.mlp.layer1"):
        weight = dit_weights()[f"{layer}.weight"]
        scale = weight.abs().max() / 448
        weights[f"net.{layer}.weight"] = (weight / scale).to(torch.float8_e4m3fn)
        weights[f"net.{layer}.weight_scale"] = scale
    layers = {f"net.{layer}": {"format": "float8_e4m3fn"} for layer in (LAYER, "blocks.0.mlp.layer1")}
    header = {"_quantization_metadata": json.dumps({"format_version": "1.0", "layers": layers})}
    save_file(weights, tmp_path / "m.safetensors", header)
    save_file(small_change(0.01), tmp_path / "l.safetensors")
    output = run(tmp_path / "m.safetensors", tmp_path / "l.safetensors:0.5", "-o", tmp_path / "out")
    merged = load_file(tmp_path / "out")
    assert merged.keys() == weights.keys() - {f"net.{LAYER}.weight_scale"}
    assert "note: 1 quantized layer of the file are written unquantized, as bf16" in output
    with safe_open(tmp_path / "out", "pt") as file:
        described = json.loads(file.metadata()["_quantization_metadata"])["layers"]
    assert list(described) == ["net.blocks.0.mlp.layer1"]
    old = weights[f"net.{LAYER}.weight"].double() * weights[f"net.{LAYER}.weight_scale"].double()
    change = small_change(0.01)
    wanted = 0.5 * change[f"diffusion_model.{LAYER}.lora_B.weight"] @ change[f"diffusion_model.{LAYER}.lora_A.weight"]
    error = merged[f"net.{LAYER}.weight"].double() - old - wanted
    assert float(error.norm() / old.norm()) < 5e-3


def test_an_all_in_one_file_takes_a_lora_of_the_text_encoder(tmp_path: Path) -> None:
    weights = {f"model.diffusion_model.{name}": tensor for name, tensor in dit_weights().items()}
    text = {f"text_encoders.qwen3_06b.transformer.{name}": tensor for name, tensor in text_weights().items()}
    vae = {f"vae.{name}": tensor.nan_to_num() for name, tensor in vae_weights().items()}
    save_file(weights | text | vae, tmp_path / "m.safetensors")
    save_file(small_lora(), tmp_path / "l.safetensors")
    run(tmp_path / "m.safetensors", tmp_path / "l.safetensors", "-o", tmp_path / "out")
    merged, old = load_file(tmp_path / "out"), weights | text | vae
    assert {name for name, tensor in merged.items() if not torch.equal(tensor, old[name])} == {
        "model.diffusion_model.blocks.0.self_attn.q_proj.weight",
        "model.diffusion_model.llm_adapter.blocks.1.mlp.0.weight",
        "model.diffusion_model.t_embedder.1.linear_1.weight",
        "text_encoders.qwen3_06b.transformer.model.layers.1.mlp.up_proj.weight",
    }


def test_a_lora_is_moved_to_the_blocks_of_the_file(tmp_path: Path) -> None:
    from anima_infer.model.config import DitConfig

    sizes = DitConfig(width=32, blocks=40, heads=2, context_width=8, adaln_width=4, mlp_width=128)
    base = {f"net.{name}": tensor for name, tensor in dit_weights(sizes, None).items()}
    save_file(base, tmp_path / "m.safetensors")
    save_file(lora_of([2, 27]), tmp_path / "l.safetensors")
    output = run(tmp_path / "m.safetensors", tmp_path / "l.safetensors", "-o", tmp_path / "out")
    assert "note: l.safetensors: was made for 28 blocks; moved to the 40 blocks of this model" in output
    merged = load_file(tmp_path / "out")
    changed = {name for name, tensor in merged.items() if not torch.equal(tensor, base[name])}
    assert changed == {"net.blocks.3.mlp.layer1.weight", "net.blocks.39.mlp.layer1.weight"}


def test_what_does_not_fit_the_file_is_refused(tmp_path: Path) -> None:
    save_file({f"net.{name}": tensor for name, tensor in dit_weights().items()}, tmp_path / "m.safetensors")
    save_file(small_lora(), tmp_path / "l.safetensors")
    file, lora = WeightFile.open(tmp_path / "m.safetensors"), Lora.read(tmp_path / "l.safetensors")
    with pytest.raises(LoraError, match=r"changes 1 modules of the text encoder, which m.safetensors does not contain"):
        merge_into_file(file, [(lora, 1.0)])
