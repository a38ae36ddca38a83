"""Parity with diffusers from the package index, so that a fresh machine proves it too."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from anima_infer.checkpoint import WeightFile, load_adapter, load_dit, load_vae
from anima_infer.model.dit import Dit
from anima_infer.model.inputs import Conditioning
from anima_infer.model.vae import Vae, decode_each
from anima_infer.sampling.denoise import denoise
from anima_infer.sampling.guidance import Guidance
from anima_infer.sampling.noise import initial_noise
from anima_infer.sampling.settings import RenderSettings
from tests.infer.tiny import ADAPTER, CPU, DIT, VAE, Tiny, dit_weights, vae_weights

pytest.importorskip("diffusers", reason="diffusers is not installed")

from benchmarks import peers

CLOSE: dict[str, Any] = {"atol": 2e-5, "rtol": 1e-4}
FP32: dict[str, Any] = {"dtype": torch.float32, "device": CPU}


@pytest.fixture(scope="module")
def ours(tiny: Tiny) -> tuple[Dit, Vae]:
    assert tiny.files.dit is not None
    assert tiny.files.vae is not None
    return load_dit(WeightFile.open(tiny.files.dit), **FP32), load_vae(WeightFile.open(tiny.files.vae), **FP32)


@pytest.fixture(scope="module")
def theirs() -> tuple[Any, Any]:
    finite = {name: torch.nan_to_num(tensor) for name, tensor in vae_weights().items()}
    return peers.diffusers_dit(DIT, dit_weights()), peers.diffusers_vae(VAE, finite)


def context(rows: int, seed: int = 0) -> Conditioning:
    return Conditioning(torch.randn(1, rows, 48, generator=torch.Generator().manual_seed(seed)), (rows,))


def padded(one: Conditioning) -> torch.Tensor:
    return F.pad(one.rows, (0, 0, 0, 512 - one.rows.shape[1]))


@torch.inference_mode()
@pytest.mark.parametrize(("height", "width", "rows"), [(8, 8, 5), (6, 12, 1), (16, 4, 77), (4, 4, 512)])
def test_transformer(ours: tuple[Dit, Vae], theirs: tuple[Any, Any], height: int, width: int, rows: int) -> None:
    x = torch.randn(2, 16, height, width, generator=torch.Generator().manual_seed(1))
    sigma = torch.tensor([0.7])
    dit, one = ours[0], context(rows)
    made = dit(x, dit.compute_modulation(sigma), dit.compute_keys_values(one))
    expected = peers.velocity(theirs[0], x, sigma, padded(one).expand(2, -1, -1))
    torch.testing.assert_close(made, expected, **CLOSE)


@torch.inference_mode()
def test_conditioner(tiny: Tiny) -> None:
    assert tiny.files.dit is not None
    adapter = load_adapter(WeightFile.open(tiny.files.dit), **FP32)
    other = peers.diffusers_adapter(ADAPTER, dit_weights())
    source = torch.randn(2, 9, 32, generator=torch.Generator().manual_seed(2))
    ids = torch.randint(2, 400, (2, 7), generator=torch.Generator().manual_seed(3))
    source_mask = torch.tensor([[True] * 9, [True] * 4 + [False] * 5])
    mask = torch.tensor([[True] * 7, [True] * 3 + [False] * 4])
    made = adapter(source, ids, source_mask=source_mask, mask=mask)
    expected = other(source, ids, target_attention_mask=mask, source_attention_mask=source_mask)
    torch.testing.assert_close(made, expected[:, :7], **CLOSE)
    assert not expected[:, 7:].any()


@torch.inference_mode()
@pytest.mark.parametrize("size", [(8, 8), (6, 10), (1, 1)])
def test_decoder(ours: tuple[Dit, Vae], theirs: tuple[Any, Any], size: tuple[int, int]) -> None:
    latents = torch.randn(2, 16, *size, generator=torch.Generator().manual_seed(4))
    made = torch.stack(decode_each(ours[1], latents)).clamp(-1, 1)
    torch.testing.assert_close(made, peers.decoded(theirs[1], latents), **CLOSE)


@torch.inference_mode()
def test_encoder(ours: tuple[Dit, Vae], theirs: tuple[Any, Any]) -> None:
    pixels = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(5)) * 2 - 1
    vae = theirs[1]
    mean = torch.tensor(vae.config.latents_mean).view(1, -1, 1, 1)
    std = torch.tensor(vae.config.latents_std).view(1, -1, 1, 1)
    expected = (vae.encode(pixels[:, :, None]).latent_dist.mode()[:, :, 0] - mean) / std
    torch.testing.assert_close(ours[1].encode(pixels), expected, **CLOSE)


def test_a_whole_image(ours: tuple[Dit, Vae], theirs: tuple[Any, Any]) -> None:
    cond, uncond = context(12, 6), context(1, 7)
    # 8 steps divide the table of 1,000, so that both schedules are the same
    settings = RenderSettings(64, 96, 8, "euler", "simple", Guidance(4.0))
    made = torch.stack(decode_each(ours[1], denoise(ours[0], [cond], [uncond], settings, [11])))
    noise = initial_noise((1, 16, 1, 12, 8), 11)[:, :, 0]
    expected = peers.whole_image(*theirs, padded(cond), padded(uncond), noise=noise, steps=8, scale=4.0)
    assert (made.clamp(-1, 1) - expected).abs().max() < 2e-4
    assert expected.std() > 0.1
