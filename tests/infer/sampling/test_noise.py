"""Facts about noise and seeds."""

from __future__ import annotations

import pytest
import torch

from anima_infer.errors import SettingsError
from anima_infer.render.job import consecutive_seeds
from anima_infer.sampling.noise import BrownianNoise, initial_noise
from anima_infer.sampling.schedule import sigmas_for


def test_brownian_noise_is_one_path() -> None:
    x = torch.zeros(1, 16, 1, 4, 4)
    path = BrownianNoise(x, 1, sigmas_for(8))
    a, b, c = torch.tensor(0.9), torch.tensor(0.5), torch.tensor(0.2)
    whole = path(a, c) * (0.7**0.5)
    parts = path(a, b) * (0.4**0.5) + path(b, c) * (0.3**0.5)
    torch.testing.assert_close(whole, parts, atol=1e-4, rtol=1e-3)


def test_seeds() -> None:
    with pytest.raises(SettingsError, match="seed is -1"):
        initial_noise((1, 16, 1, 2, 2), -1)
    assert list(consecutive_seeds(5, 3)) == [5, 6, 7]
    batch = initial_noise((3, 16, 1, 4, 4), 9)
    assert torch.equal(initial_noise((1, 16, 1, 4, 4), 9)[0], batch[0])
