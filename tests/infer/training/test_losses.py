"""Facts about the loss of a batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from anima_infer.errors import SettingsError
from anima_infer.training.losses import Loss, shrink_mask
from anima_infer.training.timesteps import Levels


@pytest.mark.parametrize("distance", ["l2", "l1", "huber", "smooth_l1"])
def test_the_true_velocity_has_no_loss(distance: Any) -> None:
    target = torch.randn(3, 16, 4, 4)
    loss = Loss(distance)
    assert loss.of_samples(target, target).abs().max() == 0
    assert loss.of_samples(torch.zeros_like(target), target).shape == (3,)


def test_weights_and_masks() -> None:
    velocity, target = torch.zeros(3, 16, 4, 4), torch.randn(3, 16, 4, 4)
    plain = Loss().of_samples(velocity, target)
    levels = Levels(torch.rand(3), torch.rand(3), torch.tensor([1.0, 3.0, 0.5]))
    torch.testing.assert_close(Loss().of_samples(velocity, target, levels=levels), plain * levels.weights)
    half = torch.ones(3, 1, 4, 4)
    half[:, :, :2] = 0
    expected = target.square()[:, :, 2:].flatten(1).sum(1) / (16 * 16)
    torch.testing.assert_close(Loss().of_samples(velocity, target, mask=half), expected)


def test_a_mask_is_shrunk_by_area() -> None:
    mask = torch.zeros(1, 16, 24)
    mask[0, :4] = 1
    shrunk = shrink_mask(mask, 2, 3)
    assert shrunk.shape == (1, 1, 2, 3)
    assert torch.equal(shrunk[0, 0, 0], torch.full((3,), 0.5))
    assert torch.equal(shrunk[0, 0, 1], torch.zeros(3))


def test_huber_is_squared_near_zero_and_linear_far_from_it() -> None:
    target = torch.zeros(1)
    small, large = torch.tensor([1e-3]), torch.tensor([100.0])
    assert float(Loss("huber").of_values(small, target)) == pytest.approx(1e-6, rel=1e-2)
    assert float(Loss("huber").of_values(large, target)) == pytest.approx(0.2 * 100, rel=1e-2)
    assert float(Loss("smooth_l1").of_values(large, target)) == pytest.approx(200, rel=1e-2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distance": "mse"}, "loss is 'mse'; expected one of l2, l1, huber, smooth_l1"),
        ({"threshold": 0}, "threshold of the loss is 0; expected a number above 0"),
        ({"threshold_schedule": "snr"}, "threshold schedule is 'snr'; expected one of constant, exponential"),
    ],
)
def test_wrong_settings(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Loss(**options)
