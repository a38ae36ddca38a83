"""Facts about noise levels in training."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from anima_infer.errors import SettingsError
from anima_infer.training.timesteps import TimestepSampling, add_noise
from tests.infer.tiny import source


def drawn(count: int, **options: Any) -> torch.Tensor:
    sampling = TimestepSampling(**options)
    return sampling.levels(sampling.draw(count, source()), tokens=4096).sigmas


def test_noise_levels() -> None:
    shifted = drawn(20_000, method="shift", shift=3.0)
    assert shifted.min() > 0
    assert shifted.max() < 1
    assert abs(float(shifted.median()) - 0.75) < 0.01, "shift 3 moves the middle to 0.75"
    assert abs(float(drawn(20_000, method="uniform").mean()) - 0.5) < 0.01
    assert abs(float(drawn(20_000).median()) - 0.5) < 0.01
    assert abs(float(drawn(20_000, method="flux_shift").median()) - 0.76) < 0.01, "e^1.15 at 1024 x 1024"
    assert abs(float(drawn(20_000, method="sigma", shift=3.0).median()) - 0.75) < 0.01


def test_an_offset_moves_the_normal() -> None:
    sampling = TimestepSampling()
    levels = sampling.levels(torch.tensor([0.3, 0.3]), tokens=1, offsets=torch.tensor([0.0, -1.0]))
    torch.testing.assert_close(levels.sigmas, torch.sigmoid(torch.tensor([0.3, -0.7])))


def test_rounding_is_that_of_the_dtype() -> None:
    raw = torch.tensor([0.5173])
    plain = TimestepSampling("uniform").levels(raw, tokens=1, dtype=torch.bfloat16)
    assert float(plain.timesteps) == pytest.approx(0.5173)
    rounded = TimestepSampling("uniform", rounding="sd-scripts").levels(raw, tokens=1, dtype=torch.bfloat16)
    assert float(rounded.sigmas) == pytest.approx(0.5173)
    assert float(rounded.timesteps) == pytest.approx(0.516, abs=1e-3), "bfloat16 has steps of 4 at 517"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "cosine"}, "timestep sampling is 'cosine'; expected one of sigma, uniform, sigmoid, shift"),
        ({"weighting": "snr"}, "weighting is 'snr'; expected one of none, sigma_sqrt"),
        ({"shift": 0.0}, "shift of the timestep sampling is 0.0; expected a number above 0"),
        ({"scale": float("nan")}, "scale of the timestep sampling is nan"),
    ],
)
def test_wrong_settings(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        TimestepSampling(**options)


def test_noise_is_mixed_in() -> None:
    data, noise = torch.randn(3, 16, 4, 4), torch.randn(3, 16, 4, 4)
    sigmas = torch.tensor([0.0, 0.5, 1.0])
    x = add_noise(data, noise, sigmas)
    assert torch.equal(x[0], data[0])
    assert torch.equal(x[2], noise[2])
    torch.testing.assert_close(x - sigmas.view(-1, 1, 1, 1) * (noise - data), data)
