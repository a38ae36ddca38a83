"""Facts about the loss of rectified flow."""

from __future__ import annotations

import pytest
import torch

from anima_infer.errors import SettingsError
from anima_infer.training.flow import add_noise, flow_loss, sample_sigmas
from tests.infer.tiny import source


def test_noise_levels() -> None:
    shifted = sample_sigmas(20_000, source())
    assert shifted.min() > 0
    assert shifted.max() < 1
    assert abs(float(shifted.median()) - 0.75) < 0.01, "shift 3 moves the middle to 0.75"
    assert abs(float(sample_sigmas(20_000, source(), method="uniform").mean()) - 0.5) < 0.01
    assert abs(float(sample_sigmas(20_000, source(), method="sigmoid").median()) - 0.5) < 0.01
    with pytest.raises(SettingsError, match="timestep sampling is 'cosine'"):
        sample_sigmas(1, source(), method="cosine")


def test_the_true_velocity_has_no_loss() -> None:
    data, noise = torch.randn(3, 16, 4, 4), torch.randn(3, 16, 4, 4)
    assert flow_loss(noise - data, data, noise).abs().max() == 0
    assert flow_loss(torch.zeros_like(data), data, noise).shape == (3,)
    counts = torch.ones(3, 1, 4, 4)
    counts[1] = 3
    plain = flow_loss(torch.zeros_like(data), data, noise)
    torch.testing.assert_close(flow_loss(torch.zeros_like(data), data, noise, counts), plain * torch.tensor([1, 3, 1]))
    sigmas = torch.tensor([0.0, 0.5, 1.0])
    x = add_noise(data, noise, sigmas)
    assert torch.equal(x[0], data[0])
    assert torch.equal(x[2], noise[2])
    torch.testing.assert_close(x - sigmas.view(-1, 1, 1, 1) * (noise - data), data)
