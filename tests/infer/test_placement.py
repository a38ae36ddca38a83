"""Facts about where weights live, and in which type."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from anima_infer.errors import SettingsError
from anima_infer.models import Models
from anima_infer.placement import parse_device, parse_dtype
from anima_infer.render.job import Job
from anima_infer.render.renderer import Renderer
from anima_infer.sampling.denoise import denoise
from anima_infer.sampling.guidance import Guidance
from anima_infer.sampling.settings import RenderSettings
from tests.infer.tiny import CPU, Tiny, encode


@pytest.mark.parametrize("mode", ["parts", "blocks"])
def test_offloading_changes_no_bit(tiny: Tiny, models: Models, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """On the CPU nothing has to move, so that moving is played: weights that wait are not finite, sent ones are."""
    from anima_infer.placement import Placement

    job = Job("1girl, hat", "bad", RenderSettings(64, 64, 3, "euler"), seed=3)
    (plain,) = Renderer(models).render([job])
    loaded = Models.load(tiny.files, dtype="fp32", device="cpu", offload=mode)
    good: dict[int, Tensor] = {}
    parked = [loaded.dit, loaded.vae, loaded.encoder.adapter, loaded.encoder.text]
    for network in parked:
        for module in network.modules():
            for name, tensor in module._parameters.items():
                if tensor is not None:
                    blank = torch.nn.Parameter(torch.full_like(tensor, float("nan")), requires_grad=False)
                    module._parameters[name] = blank
                    good[id(blank)] = tensor
    before = [dict(network.named_parameters()) for network in parked]
    most = 0

    def bring(self: Placement, modules: Any) -> Any:
        nonlocal most
        kept = []
        for module in modules:
            for name, tensor in module._parameters.items():
                if tensor is not None and id(tensor) in good:
                    kept.append((module, name, module._parameters, tensor))
                    module._parameters[name] = good[id(tensor)]
        there = sum(id(p) not in good for p in loaded.dit.blocks.parameters())
        most = max(most, there)
        return kept

    monkeypatch.setattr(Placement, "_bring", bring)
    (image,) = Renderer(loaded).render([job])
    assert image.image.tobytes() == plain.image.tobytes()
    for network, old in zip(parked, before, strict=True):
        assert all(tensor is old[name] for name, tensor in network.named_parameters()), "everything is put back"
    whole = len(list(loaded.dit.blocks.parameters()))
    assert most == (whole if mode == "parts" else whole // len(loaded.dit.blocks))
    with pytest.raises(SettingsError, match="offload is 'all'"):
        Models.load(tiny.files, device="cpu", offload="all")


def test_float8_storage_computes_in_bf16(tiny: Tiny, models: Models) -> None:
    small = Models.load(tiny.files, dtype="fp8", device="cpu")
    assert small.dit.blocks[0].mlp.layer1.weight.dtype is torch.float8_e4m3fn  # type: ignore[union-attr]
    assert small.dit.dtype is torch.bfloat16
    rough, exact = (
        denoise(m.dit, [encode(m, "1girl")], [], RenderSettings(64, 64, 2, guidance=Guidance(1.0)), [1])
        for m in (small, models)
    )
    assert (rough - exact).abs().mean() < 0.2


def test_devices_and_types() -> None:
    assert parse_device("cpu") == CPU
    assert parse_dtype("auto", "cpu") is torch.float32
    with pytest.raises(SettingsError, match="device 'abacus' cannot be used"):
        parse_device("abacus")
    with pytest.raises(SettingsError, match="dtype is 'fp4'; expected auto, fp8"):
        parse_dtype("fp4")
