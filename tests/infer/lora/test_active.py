"""Facts about LoRAs on loaded networks: they act beside the stored weights, follow their strengths, and go again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from anima_infer.errors import LoraError
from anima_infer.lora import ActiveLoras
from anima_infer.models import Models
from anima_infer.placement import Offload, Placement
from tests.infer.parity import effective
from tests.infer.tiny import Tiny, small_lora

Q_PROJ = "blocks.0.self_attn.q_proj"


def loras_on(models: Models) -> ActiveLoras:
    return ActiveLoras(models.dit, models.encoder.adapter, models.encoder.text.model)


def networks_of(models: Models) -> tuple[nn.Module, ...]:
    return models.dit, models.encoder.adapter, models.encoder.text


def product(strength: float = 1.0) -> Tensor:
    a, b = (small_lora()[f"diffusion_model.{Q_PROJ}.lora_{x}.weight"] for x in "AB")
    return strength * b @ a


def test_every_part_is_changed_and_restored(tmp_path: Path, models: Models) -> None:
    save_file(small_lora(), tmp_path / "a.safetensors")
    loras = loras_on(models)
    lora = loras.read(tmp_path / "a.safetensors")
    before = [{n: (t, t.clone()) for n, t in network.state_dict().items()} for network in networks_of(models)]
    q = models.dit.state_dict()[f"{Q_PROJ}.weight"]
    for strength in (1.0, -0.5, 0.25):
        loras.apply([(lora, strength, strength)])
        torch.testing.assert_close(
            effective(models.dit, f"{Q_PROJ}.weight"), q + product(strength), atol=2e-6, rtol=1e-5
        )
    text = models.encoder.text.model.layers[1].mlp.up_proj
    assert text(torch.ones(1, 32)).sub(text.base(torch.ones(1, 32))).abs().max() > 0
    loras.apply([(lora, 0.5, 0.0)])
    assert models.encoder.text.state_dict().keys() == before[2].keys(), "the text encoder has a strength of its own"
    loras.apply([])
    for network, old in zip(networks_of(models), before, strict=True):
        assert network.state_dict().keys() == old.keys()
        for name, tensor in network.state_dict().items():
            assert tensor.data_ptr() == old[name][0].data_ptr(), "the stored weights stay where they are"
            assert torch.equal(tensor, old[name][1]), "nothing is written to them"


def test_strength_zero_changes_nothing(tmp_path: Path, models: Models) -> None:
    save_file(small_lora() | {f"diffusion_model.{Q_PROJ[:-6]}k_proj.set_weight": torch.zeros(128, 128)}, tmp_path / "a")
    loras = loras_on(models)
    kinds = [type(module) for module in models.dit.modules()]
    loras.apply([(loras.read(tmp_path / "a"), 0.0, 0.0)])
    assert [type(module) for module in models.dit.modules()] == kinds


def test_strengths_reuse_what_is_there(tmp_path: Path, models: Models) -> None:
    """Compiled code stays valid: modules and buffers are the same objects under another strength."""
    save_file(small_lora(), tmp_path / "a.safetensors")
    loras = loras_on(models)
    lora = loras.read(tmp_path / "a.safetensors")
    loras.apply([(lora, 1.0, 1.0)])
    first = models.dit.get_submodule(Q_PROJ), dict(models.dit.get_submodule(Q_PROJ).named_buffers())
    loras.apply([(lora, 0.5, 0.5)])
    second = models.dit.get_submodule(Q_PROJ), dict(models.dit.get_submodule(Q_PROJ).named_buffers())
    assert first[0] is second[0]
    assert first[1].keys() == second[1].keys() == {"up", "down"}
    assert all(first[1][name] is second[1][name] for name in first[1])


@pytest.mark.parametrize("mode", [Offload.PARTS, Offload.BLOCKS])
def test_offloading_brings_the_products_too(tmp_path: Path, models: Models, mode: Offload) -> None:
    save_file(small_lora(), tmp_path / "a.safetensors")
    loras = loras_on(models)
    loras.apply([(loras.read(tmp_path / "a.safetensors"), 1.0, 1.0)])
    changed = models.dit.get_submodule(Q_PROJ)
    placement = Placement(mode, torch.device("meta"))
    with placement.using(models.dit), models.dit.block_loader(models.dit.blocks[0]):
        assert {tensor.device.type for tensor in [*changed.buffers(), *changed.parameters()]} == {"meta"}
    assert {tensor.device.type for tensor in [*changed.buffers(), *changed.parameters()]} == {"cpu"}


@torch.inference_mode()
def test_compiled_blocks_follow_loras_and_strengths(tmp_path: Path, models: Models) -> None:
    torch._dynamo.reset()
    save_file(small_lora(), tmp_path / "a.safetensors")
    loras = loras_on(models)
    lora = loras.read(tmp_path / "a.safetensors")
    attention = models.dit.blocks[0].self_attn
    x = torch.ones(1, 3, 128)

    class Queries(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = attention

        def forward(self, x: Tensor) -> Tensor:
            return self.attention.q_proj(x)  # type: ignore[no-any-return, operator]

    queries = Queries()
    queries.compile(dynamic=False, backend="eager")
    base = queries(x)
    for strength in (1.0, -0.5, 0.0, 0.5):
        loras.apply([(lora, strength, strength)])
        torch.testing.assert_close(queries(x) - base, x @ product(strength).T, atol=2e-5, rtol=1e-4)


def test_a_lora_on_fp8_is_the_lora_on_float32(tmp_path: Path, tiny: Tiny) -> None:
    """The change of the velocity under fp8 is that under float32, but for rounding; a merged one would be lost."""
    change = {name: 0.2 * tensor for name, tensor in small_lora().items() if "self_attn" in name}
    save_file(change, tmp_path / "a.safetensors")
    moved = []
    for dtype in ("fp32", "fp8"):
        models = Models.load(tiny.files, dtype=dtype, device="cpu")
        loras = loras_on(models)
        module, x = models.dit.get_submodule(Q_PROJ), torch.randn(64, 128, generator=torch.Generator().manual_seed(1))
        before = module(x.to(models.dit.dtype)).float()
        loras.apply([(loras.read(tmp_path / "a.safetensors"), 1.0, 1.0)])
        moved.append(models.dit.get_submodule(Q_PROJ)(x.to(models.dit.dtype)).float() - before)
    arrived = (moved[0] * moved[1]).sum() / moved[0].square().sum()
    assert abs(float(arrived) - 1) < 0.05


def test_a_lora_of_another_size_leaves_the_model_alone(tmp_path: Path, models: Models) -> None:
    weights = small_lora()
    weights["diffusion_model.blocks.1.mlp.layer1.lora_A.weight"] = torch.zeros(4, 256)
    weights["diffusion_model.blocks.1.mlp.layer1.lora_B.weight"] = torch.zeros(1024, 4)
    save_file(weights, tmp_path / "a.safetensors")
    before = {n: t.clone() for n, t in models.dit.state_dict().items()}
    loras = loras_on(models)
    with pytest.raises(LoraError, match=r"a.safetensors: 'dit:blocks.1.mlp.layer1': sizes do not fit"):
        loras.apply([(loras.read(tmp_path / "a.safetensors"), 1.0, 1.0)])
    assert models.dit.state_dict().keys() == before.keys()
    assert all(torch.equal(t, before[n]) for n, t in models.dit.state_dict().items())
