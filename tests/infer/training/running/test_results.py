"""Adapters in every spelling have the same effect, and names that programs look for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from anima_infer.lora.active import ActiveLoras
from anima_infer.models import Models
from anima_infer.training.methods.changes import Change, LohaChange, LokrChange, LoraChange
from anima_infer.training.running.results import adapter_tensors, peft_config, write_adapter
from tests.infer.arithmetic import numbers

MODULES = {
    "dit:blocks.0.self_attn.q_proj": (128, 128),
    "dit:blocks.1.adaln_modulation_self_attn.1": (128, 16),
    "dit:blocks.1.mlp.layer2": (512, 128),
    "dit:t_embedder.1.linear_1": (128, 128),
    "adapter:blocks.0.cross_attn.k_proj": (32, 48),
}


def changes(kind: Any) -> dict[str, Change]:
    made: dict[str, Change] = {}
    for index, (name, sizes) in enumerate(MODULES.items()):
        change: Change = kind(*sizes, rank=2 + index % 2, alpha=1.5)
        with torch.no_grad():
            for role, parameter in change.named_parameters():
                parameter.copy_(numbers(f"{name}.{role}", tuple(parameter.shape)))
        made[name] = change
    return made


@pytest.mark.parametrize("kind", [LoraChange, LohaChange, LokrChange])
@pytest.mark.parametrize("spelling", ["kohya", "comfyui", "diffusers", "peft"])
def test_the_file_has_the_change(kind: Any, spelling: str, models: Models, tmp_path: Path) -> None:
    if spelling in ("diffusers", "peft") and kind is not LoraChange:
        return
    trained = changes(kind)
    path = tmp_path / "a.safetensors"
    write_adapter(path, trained, spelling=spelling, dtype="fp32", metadata={"a": "b"})
    networks = {"dit": models.dit, "adapter": models.encoder.adapter}
    inputs, expected = {}, {}
    for name, change in trained.items():
        network, _, module = name.partition(":")
        inputs[name] = numbers(name, (3, MODULES[name][0]))
        expected[name] = networks[network].get_submodule(module)(inputs[name]) + change(inputs[name])
    loras = ActiveLoras(models.dit, models.encoder.adapter)
    loras.apply([(loras.read(path), 1.0, 1.0)])
    for name in trained:
        network, _, module = name.partition(":")
        found = networks[network].get_submodule(module)(inputs[name])
        torch.testing.assert_close(found, expected[name], atol=1e-4, rtol=1e-4)


def test_spellings() -> None:
    names = {
        s: list(adapter_tensors(changes(LoraChange), spelling=s, dtype=torch.float32))
        for s in ("kohya", "comfyui", "diffusers", "peft")
    }
    assert names["kohya"][:3] == [
        "lora_unet_blocks_0_self_attn_q_proj.lora_down.weight",
        "lora_unet_blocks_0_self_attn_q_proj.lora_up.weight",
        "lora_unet_blocks_0_self_attn_q_proj.alpha",
    ]
    assert "diffusion_model.blocks.1.adaln_modulation_self_attn.1.lora_A.weight" in names["comfyui"]
    assert "transformer.transformer_blocks.1.norm1.linear_1.lora_A.weight" in names["diffusers"]
    assert "text_conditioner.blocks.0.cross_attn.k_proj.lora_B.weight" in names["diffusers"]
    assert "base_model.model.llm_adapter.blocks.0.cross_attn.k_proj.lora_A.weight" in names["peft"]
    assert not any("alpha" in name for name in names["diffusers"] + names["peft"])


def test_the_configuration_for_peft_has_every_rank() -> None:
    config = peft_config(changes(LoraChange))
    assert (config["r"], config["lora_alpha"]) == (2, 2)
    assert config["rank_pattern"] == config["alpha_pattern"]
    assert set(config["rank_pattern"].values()) == {3}
    assert json.dumps(config)


def test_equal_adapters_have_equal_digests(tmp_path: Path) -> None:
    from safetensors import safe_open

    digests = []
    for name, metadata in (("a", {"x": "1"}), ("b", {"x": "2"})):
        write_adapter(tmp_path / name, changes(LoraChange), spelling="kohya", dtype="bf16", metadata=metadata)
        with safe_open(tmp_path / name, framework="pt") as file:
            digests.append(file.metadata()["anima_train.tensors_sha256"])
    assert digests[0] == digests[1]
