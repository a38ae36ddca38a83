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
    diffusers_dit_name,
    diffusers_vae_name,
    kind_of,
    load_adapter,
    load_dit,
    load_vae,
)
from anima_infer.checkpoint.loading import load_text_encoder
from anima_infer.errors import CheckpointError, LoraError, SettingsError
from anima_infer.files import Files, default_files, find
from anima_infer.lora import Merger, converted, extracted, generic_names
from anima_infer.models import Models
from anima_infer.placement import device_of, type_of
from anima_prompt.tokens import VARIABLE
from tests.infer.tiny import CPU, Tiny, dit_weights, text_weights, vae_weights

FP32: dict[str, Any] = {"dtype": torch.float32, "device": CPU}


def same(network: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), other.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("prefix", ["", "net.", "model.diffusion_model.", "diffusion_model.", "model.model."])
def test_every_prefix(tmp_path: Path, models: Models, prefix: str) -> None:
    extra = {f"{prefix}pos_embedder.seq": torch.zeros(3), f"{prefix}blocks.0.self_attn.inv_freq": torch.zeros(2)}
    save_file({prefix + n: t for n, t in dit_weights().items()} | extra, tmp_path / "a.safetensors")
    file = WeightFile.of(tmp_path / "a.safetensors")
    assert same(load_dit(file, **FP32), models.dit)
    assert same(load_adapter(file, **FP32), models.encoder.adapter)


def test_all_in_one(tmp_path: Path, models: Models) -> None:
    whole = {f"model.diffusion_model.{n}": t for n, t in dit_weights().items()}
    whole |= {f"text_encoders.qwen3_06b.transformer.{n}": t for n, t in text_weights().items()}
    whole |= {f"vae.{n}": t for n, t in vae_weights().items()}
    save_file(whole, tmp_path / "a.safetensors")
    file = WeightFile.of(tmp_path / "a.safetensors")
    assert same(load_dit(file, **FP32), models.dit)
    assert same(load_vae(file, **FP32), models.vae)
    assert same(load_text_encoder(file, **FP32), models.encoder.text)
    assert "DiT" in kind_of(file)
    assert "VAE" in kind_of(file)


def test_a_separate_adapter(tmp_path: Path, models: Models) -> None:
    weights = dit_weights()
    save_file({n: t for n, t in weights.items() if not n.startswith("llm_adapter.")}, tmp_path / "dit.safetensors")
    bare = {n.removeprefix("llm_adapter."): t for n, t in weights.items() if n.startswith("llm_adapter.")}
    save_file(bare, tmp_path / "llm_adapter.safetensors")
    assert same(load_adapter(WeightFile.of(tmp_path / "llm_adapter.safetensors"), **FP32), models.encoder.adapter)
    with pytest.raises(CheckpointError, match="holds no weights of the adapter; it seems to be an Anima DiT"):
        load_adapter(WeightFile.of(tmp_path / "dit.safetensors"), **FP32)


def test_the_diffusers_folders(tmp_path: Path, tiny: Tiny, models: Models) -> None:
    weights = dit_weights()
    parts = {
        "transformer": {diffusers_dit_name(n): t for n, t in weights.items() if "llm_adapter" not in n},
        "text_conditioner": {n.removeprefix("llm_adapter."): t for n, t in weights.items() if "llm_adapter" in n},
        "text_encoder": {n.removeprefix("model."): t for n, t in text_weights().items()},
        "vae": {diffusers_vae_name(n): t for n, t in vae_weights().items()},
    }
    for name, tensors in parts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
        half = len(tensors) // 2
        items = list(tensors.items())
        save_file(dict(items[:half]), tmp_path / name / "model-00001-of-00002.safetensors")
        save_file(dict(items[half:]), tmp_path / name / "model-00002-of-00002.safetensors")
    for name, source in (("tokenizer", tiny.files.qwen_tokenizer), ("t5_tokenizer", tiny.files.t5_tokenizer)):
        assert source is not None
        (tmp_path / name).symlink_to(source)
    loaded = Models.from_comfyui(tmp_path, dtype="fp32", device="cpu")
    assert same(loaded.dit, models.dit)
    assert same(loaded.vae, models.vae)
    assert same(loaded.encoder.adapter, models.encoder.adapter)


def test_pickles_of_plain_tensors_alone(tmp_path: Path, models: Models) -> None:
    torch.save(vae_weights(), tmp_path / "vae.pth")
    assert same(load_vae(WeightFile.of(tmp_path / "vae.pth"), **FP32), models.vae)

    class Bomb:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'burst'}",)

    torch.save({"a": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(CheckpointError, match="only files of plain tensors"):
        WeightFile.of(tmp_path / "bomb.pth")
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
    loaded = load_dit(WeightFile.of(tmp_path / "a.safetensors"), **FP32)
    for (name, got), want in zip(loaded.state_dict().items(), models.dit.state_dict().values(), strict=True):
        torch.testing.assert_close(got, want, atol=0.05 * float(want.abs().max()), rtol=0.1, msg=name)
        assert torch.equal(got, want) is (name not in small)


def test_unknown_quantisation_is_named(tmp_path: Path) -> None:
    weights = dit_weights()
    name = "blocks.0.mlp.layer1"
    quant = torch.tensor(list(json.dumps({"format": "nvfp4"}).encode()), dtype=torch.uint8)
    save_file(weights | {f"{name}.comfy_quant": quant}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="quantised as 'nvfp4'; expected float8"):
        load_dit(WeightFile.of(tmp_path / "a.safetensors"), **FP32)


# --- wrong files -----------------------------------------------------------------------------------------------------


def one(name: str) -> dict[str, Tensor]:
    return {name: torch.zeros(2, 2)}


@pytest.mark.parametrize(
    ("weights", "load", "said"),
    [
        (one("model.diffusion_model.input_blocks.0.0.weight"), load_dit, "Stable Diffusion or SDXL"),
        (one("decoder.upsamples.0.upsamples.0.residual.2.weight"), load_vae, "Wan 2.2 VAE; Anima needs qwen_image_vae"),
        (one("model.layers.0.self_attn.q_proj.bias"), load_text_encoder, "Qwen2.5 text encoder; Anima needs"),
        (one("double_blocks.0.img_attn.qkv.weight"), load_dit, "a Flux model"),
        (one("lora_unet_blocks_0_mlp_layer1.lora_down.weight"), load_dit, "a LoRA, which goes on top"),
        (one("something.else"), load_dit, "no part of Anima that is known"),
    ],
)
def test_another_model_is_named(tmp_path: Path, weights: dict[str, Tensor], load: Any, said: str) -> None:
    save_file(weights, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=said) as caught:
        load(WeightFile.of(tmp_path / "a.safetensors"), **FP32)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_missing_and_unexpected_weights_are_told_together(tmp_path: Path) -> None:
    weights = dit_weights()
    del weights["blocks.1.mlp.layer2.weight"]
    weights["blocks.1.mlp.layer3.weight"] = torch.zeros(1)
    save_file({f"net.{n}": t for n, t in weights.items()}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError) as caught:
        load_dit(WeightFile.of(tmp_path / "a.safetensors"), **FP32)
    assert "1 missing (blocks.1.mlp.layer2.weight); 1 unexpected (blocks.1.mlp.layer3.weight)" in str(caught.value)


def test_a_truncated_file(tmp_path: Path, tiny: Tiny) -> None:
    assert tiny.files.dit is not None
    data = tiny.files.dit.read_bytes()
    for name, part in (("half", data[: len(data) // 2]), ("empty", b""), ("html", b"<html>404</html>" * 100)):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(part)
        with pytest.raises(CheckpointError, match="fetch it again") as caught:
            WeightFile.of(path)
        assert "\n" not in str(caught.value)


def test_values_that_are_not_finite(tmp_path: Path) -> None:
    weights = dit_weights()
    weights["blocks.0.mlp.layer1.weight"][3, 3] = float("nan")
    save_file(weights, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=r"'blocks\.0\.mlp\.layer1\.weight' holds values that are not finite"):
        load_dit(WeightFile.of(tmp_path / "a.safetensors"), **FP32)


def test_parts_of_different_sizes(tmp_path: Path, tiny: Tiny) -> None:
    from dataclasses import replace

    from tests.infer.tiny import TEXT

    wide = replace(TEXT, width=64)
    save_file(text_weights(wide), tmp_path / "qwen.safetensors")
    with pytest.raises(CheckpointError, match="the text encoder makes 64"):
        Models.load(replace(tiny.files, text=tmp_path / "qwen.safetensors"), dtype="fp32", device="cpu")


# --- finding ---------------------------------------------------------------------------------------------------------


def test_comfyui_folder(tmp_path: Path, tiny: Tiny) -> None:
    files = tiny.files
    places = {
        "models/diffusion_models/anima-base-v1.0.safetensors": files.dit,
        "models/text_encoders/qwen_3_06b_base.safetensors": files.text,
        "models/vae/qwen_image_vae.safetensors": files.vae,
        "comfy/text_encoders/qwen25_tokenizer": files.qwen_tokenizer,
        "comfy/text_encoders/t5_tokenizer": files.t5_tokenizer,
    }
    for name, source in places.items():
        assert source is not None
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(source)
    for root in (tmp_path, tmp_path / "models"):
        found = find(root)
        assert found.missing() == [], root
        assert found.dit is not None
        assert found.dit.name == "anima-base-v1.0.safetensors"


def test_what_is_missing_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CheckpointError, match=r"misses DiT \(anima-base-v1\.0\.safetensors\), text encoder"):
        find(tmp_path).complete("here")
    with pytest.raises(CheckpointError, match="is no folder"):
        find(tmp_path / "nowhere")
    monkeypatch.delenv(VARIABLE, raising=False)
    assert default_files().is_demo
    monkeypatch.setattr("anima_infer.files.demo_folder", lambda: tmp_path)
    with pytest.raises(CheckpointError, match=VARIABLE):
        default_files()
    assert Files().missing()


def test_devices_and_types() -> None:
    assert device_of("cpu") == CPU
    assert type_of("auto", "cpu") is torch.float32
    with pytest.raises(SettingsError, match="device 'abacus' cannot be used"):
        device_of("abacus")
    with pytest.raises(SettingsError, match="type is 'fp4'; expected auto, fp8"):
        type_of("fp4")


def test_the_hub(monkeypatch: pytest.MonkeyPatch, tiny: Tiny, models: Models) -> None:
    import huggingface_hub

    def offline(*arguments: str) -> str:
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "list_repo_files", offline)
    with pytest.raises(CheckpointError, match=r"download it from huggingface\.co/circlestone"):
        Models.from_hub()

    files = tiny.files
    by_name = {path.name: path for path in (files.dit, files.text, files.vae) if path is not None}

    def listed(place: str) -> list[str]:
        return ["tokenizer.json"] if "circlestone" not in place else [f"some/folder/{name}" for name in by_name]

    def fetched(place: str, path: str) -> str:
        folder = files.t5_tokenizer if "t5" in place else files.qwen_tokenizer
        return str(by_name.get(path.rsplit("/", 1)[-1], (folder or Path()) / "tokenizer.json"))

    monkeypatch.setattr(huggingface_hub, "list_repo_files", listed)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetched)
    assert same(Models.from_hub(dtype="fp32", device="cpu").dit, models.dit)
    by_name.pop("qwen_image_vae.safetensors")
    with pytest.raises(CheckpointError, match=r"has no qwen_image_vae\.safetensors"):
        Models.from_hub()


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
        f"load_dit(WeightFile.of(Path({str(path)!r})),dtype=torch.bfloat16,device=torch.device('cpu'))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss-before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 1.2 * path.stat().st_size
    assert resource.getpagesize() > 0


# --- LoRA ------------------------------------------------------------------------------------------------------------


def small_lora(rank: int = 4, seed: int = 0) -> dict[str, Tensor]:
    source = torch.Generator().manual_seed(seed)

    def r(*shape: int) -> Tensor:
        return torch.randn(shape, generator=source) * 0.1

    return {
        "diffusion_model.blocks.0.self_attn.q_proj.lora_A.weight": r(rank, 128),
        "diffusion_model.blocks.0.self_attn.q_proj.lora_B.weight": r(128, rank),
        "diffusion_model.llm_adapter.blocks.1.mlp.0.lora_A.weight": r(rank, 48),
        "diffusion_model.llm_adapter.blocks.1.mlp.0.lora_B.weight": r(192, rank),
        "diffusion_model.t_embedder.1.linear_1.lora_A.weight": r(rank, 128),
        "diffusion_model.t_embedder.1.linear_1.lora_B.weight": r(128, rank),
        "text_encoders.qwen3_06b.transformer.model.layers.1.mlp.up_proj.lora_A.weight": r(rank, 32),
        "text_encoders.qwen3_06b.transformer.model.layers.1.mlp.up_proj.lora_B.weight": r(64, rank),
    }


def merger_of(models: Models) -> Merger:
    return Merger(models.dit, models.encoder.adapter, models.encoder.text.model)


def test_every_part_is_merged_and_put_back(tmp_path: Path, models: Models) -> None:
    save_file(small_lora(), tmp_path / "a.safetensors")
    merger = merger_of(models)
    lora = merger.read(tmp_path / "a.safetensors")
    networks = (models.dit, models.encoder.adapter, models.encoder.text)
    before = [{n: t.clone() for n, t in network.state_dict().items()} for network in networks]
    merger.apply([(lora, 1.0, 1.0)])
    q = models.dit.state_dict()["blocks.0.self_attn.q_proj.weight"]
    a, b = (small_lora()[f"diffusion_model.blocks.0.self_attn.q_proj.lora_{x}.weight"] for x in "AB")
    torch.testing.assert_close(q, before[0]["blocks.0.self_attn.q_proj.weight"] + b @ a)
    for network, old in zip(networks, before, strict=True):
        assert any(not torch.equal(t, old[n]) for n, t in network.state_dict().items())
    merger.apply([(lora, 0.5, 0.0)])
    text = models.encoder.text.state_dict()
    assert all(torch.equal(t, before[2][n]) for n, t in text.items()), "the text encoder has a strength of its own"
    merger.apply([])
    for network, old in zip(networks, before, strict=True):
        assert all(torch.equal(t, old[n]) for n, t in network.state_dict().items())


@pytest.mark.parametrize("to", ["sd-scripts", "comfyui"])
def test_conversion_both_ways_means_the_same(tmp_path: Path, models: Models, to: str) -> None:
    original = small_lora()
    other = converted(converted(original, "sd-scripts"), to)
    save_file(original, tmp_path / "a.safetensors")
    save_file({n: t.clone() for n, t in other.items()}, tmp_path / "b.safetensors")
    merger = merger_of(models)
    results = []
    for name in ("a", "b"):
        merger.apply([(merger.read(tmp_path / f"{name}.safetensors"), 1.0, 1.0)])
        results.append([t.clone() for t in models.dit.state_dict().values()])
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))
    if to == "sd-scripts":
        assert "lora_unet_t_embedder_1_linear_1.lora_down.weight" in other
        assert "lora_te_layers_1_mlp_up_proj.lora_up.weight" in other
    else:
        assert other.keys() == original.keys()


def test_every_module_has_one_name_in_each_form() -> None:
    names = generic_names(28)
    by_ours: dict[str, set[str]] = {}
    for theirs, ours in names.ours.items():
        by_ours.setdefault(ours, set()).add(theirs)
    assert len(names.ours) == sum(len(found) for found in by_ours.values())
    assert names.find("lora_unet_blocks_3_adaln_modulation_self_attn_2") == "dit:blocks.3.adaln_modulation_self_attn.2"
    assert names.find("lora_unet_llm_adapter_blocks_0_mlp_2") == "adapter:blocks.0.mlp.2"
    assert names.find("base_model.model.transformer.transformer_blocks.0.attn1.to_q") == "dit:blocks.0.self_attn.q_proj"


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"lora_unet_input_blocks_1_1_proj_in.lora_down.weight": torch.zeros(4, 4)}, "none of its modules are Anima's"),
        (small_lora() | {"diffusion_model.blocks.9.mlp.layer1.lora_A.weight": torch.zeros(4, 128)}, "1 of its modules"),
        ({"diffusion_model.blocks.0.mlp.layer1.lora_A.weight": torch.zeros(4, 128)}, "the file is incomplete"),
        ({"diffusion_model.blocks.0.mlp.layer1.diff": torch.tensor([float("nan")])}, "not finite"),
    ],
)
def test_a_lora_that_does_not_fit(tmp_path: Path, models: Models, weights: dict[str, Tensor], said: str) -> None:
    save_file(weights, tmp_path / "a.safetensors")
    with pytest.raises(LoraError, match=said) as caught:
        merger_of(models).read(tmp_path / "a.safetensors")
    assert "\n" not in str(caught.value)


def test_a_lora_of_another_size_leaves_the_model_alone(tmp_path: Path, models: Models) -> None:
    weights = small_lora()
    weights["diffusion_model.blocks.1.mlp.layer1.lora_A.weight"] = torch.zeros(4, 256)
    weights["diffusion_model.blocks.1.mlp.layer1.lora_B.weight"] = torch.zeros(1024, 4)
    save_file(weights, tmp_path / "a.safetensors")
    before = {n: t.clone() for n, t in models.dit.state_dict().items()}
    merger = merger_of(models)
    with pytest.raises(LoraError, match="sizes do not fit"):
        merger.apply([(merger.read(tmp_path / "a.safetensors"), 1.0, 1.0)])
    assert all(torch.equal(t, before[n]) for n, t in models.dit.state_dict().items())


def test_extraction_finds_a_low_rank_change() -> None:
    source = torch.Generator().manual_seed(0)
    base = {"blocks.0.mlp.layer1.weight": torch.randn(64, 32, generator=source), "x.weight": torch.zeros(3, 3)}
    change = torch.randn(64, 4, generator=source) @ torch.randn(4, 32, generator=source)
    tuned = base | {"blocks.0.mlp.layer1.weight": base["blocks.0.mlp.layer1.weight"] + change}
    made = extracted(base, tuned, 4)
    assert len(made) == 2
    stem = "diffusion_model.blocks.0.mlp.layer1"
    torch.testing.assert_close(
        made[f"{stem}.lora_B.weight"] @ made[f"{stem}.lora_A.weight"], change, atol=1e-3, rtol=1e-3
    )
    with pytest.raises(LoraError, match="do not differ"):
        extracted(base, base, 4)
