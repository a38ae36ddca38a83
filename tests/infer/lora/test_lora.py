"""Facts about LoRA files: they merge, come out again, convert, and are extract_lora."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from anima_infer.errors import LoraError
from anima_infer.lora import Merger, convert_names, extract_lora, names_without_model
from anima_infer.models import Models
from tests.infer.tiny import small_lora


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
    other = convert_names(convert_names(original, "sd-scripts"), to)
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
    names = names_without_model()
    spellings: dict[str, set[str]] = {}
    for spelling, module in names.modules.items():
        spellings.setdefault(module, set()).add(spelling)
    assert len(names.modules) == sum(len(found) for found in spellings.values())
    assert names.find("lora_unet_blocks_3_adaln_modulation_self_attn_2") == "dit:blocks.3.adaln_modulation_self_attn.2"
    assert names.find("lora_unet_llm_adapter_blocks_0_mlp_2") == "adapter:blocks.0.mlp.2"
    assert names.find("base_model.model.transformer.transformer_blocks.0.attn1.to_q") == "dit:blocks.0.self_attn.q_proj"


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"lora_unet_input_blocks_1_1_proj_in.lora_down.weight": torch.zeros(4, 4)}, "all modules not found in Anima"),
        (
            small_lora() | {"diffusion_model.blocks.9.mlp.layer1.lora_A.weight": torch.zeros(4, 128)},
            "1 module not found in Anima",
        ),
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
    made = extract_lora(base, tuned, 4)
    assert len(made) == 2
    stem = "diffusion_model.blocks.0.mlp.layer1"
    torch.testing.assert_close(
        made[f"{stem}.lora_B.weight"] @ made[f"{stem}.lora_A.weight"], change, atol=1e-3, rtol=1e-3
    )
    with pytest.raises(LoraError, match="do not differ"):
        extract_lora(base, base, 4)
