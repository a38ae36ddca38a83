"""Facts about the DiT."""

from __future__ import annotations

import torch

from anima_infer.model.inputs import Conditioning, stack
from anima_infer.models import Models


@torch.inference_mode()
def test_one_zero_row_stands_for_all(models: Models) -> None:
    dit = models.dit
    x, level = torch.randn(1, 16, 8, 8), dit.compute_modulation(torch.tensor([0.5]))
    rows = torch.randn(1, 7, 48)
    short = dit(x, level, dit.compute_keys_values(Conditioning(rows, (7,))))
    full = torch.nn.functional.pad(rows, (0, 0, 0, 505))
    long = dit(x, level, dit.compute_keys_values(Conditioning(full, (512,))))
    torch.testing.assert_close(short, long, atol=1e-5, rtol=1e-4)
    fewer = dit(x, level, dit.compute_keys_values(Conditioning(rows, (7,), total=7)))
    assert (fewer - long).abs().max() > 1e-3, "the zero rows do matter"


@torch.inference_mode()
def test_prompts_of_different_length_share_a_batch(models: Models) -> None:
    dit = models.dit
    x, level = torch.randn(2, 16, 8, 8), dit.compute_modulation(torch.tensor([0.5]))
    one, two = Conditioning(torch.randn(1, 3, 48), (3,)), Conditioning(torch.randn(1, 600, 48), (600,))
    both = dit(x, level, dit.compute_keys_values(stack([one, two])))
    torch.testing.assert_close(both[:1], dit(x[:1], level, dit.compute_keys_values(one)), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(both[1:], dit(x[1:], level, dit.compute_keys_values(two)), atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_half_precision_keeps_the_residual_in_float32(tiny: object, models: Models) -> None:
    dit = models.dit
    x = torch.randn(1, 16, 8, 8)
    one = Conditioning(torch.randn(1, 3, 48), (3,))
    exact = dit(x, dit.compute_modulation(torch.tensor([0.5])), dit.compute_keys_values(one))
    for dtype, close in ((torch.float16, 0.02), (torch.bfloat16, 0.15)):
        other = dit.to(dtype)
        made = other(x, other.compute_modulation(torch.tensor([0.5])), other.compute_keys_values(one))
        assert made.dtype is torch.float32
        assert (made - exact).abs().max() < close
