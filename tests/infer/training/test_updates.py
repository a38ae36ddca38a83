"""Facts about optimizer steps: schedules, groups, bf16 weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from anima_infer.errors import SettingsError
from anima_infer.training.spec.definition import OptimizerOptions, ScheduleOptions
from anima_infer.training.updates import (
    ParameterGroup,
    RoundingUpdater,
    Updater,
    adapter_groups,
    optimizer_factory,
    rate_factor,
    stochastically_rounded,
)
from tests.infer.arithmetic import numbers

MAKE = optimizer_factory(OptimizerOptions(rate=1e-3))


@pytest.mark.parametrize(
    ("options", "factors"),
    [
        ({}, [1, 1, 1, 1]),
        ({"warmup": 2}, [0.5, 1, 1, 1]),
        ({"warmup": 0.5, "kind": "linear"}, [0.5, 1, 1, 0.5]),
        ({"kind": "cosine"}, [1, 0.8535534, 0.5, 0.1464466]),
    ],
)
def test_learning_rates(options: dict[str, Any], factors: list[float]) -> None:
    assert [rate_factor(step, ScheduleOptions(**options), 4) for step in range(4)] == pytest.approx(factors)


def test_groups_by_rate_with_lora_plus() -> None:
    up, down, other = (nn.Parameter(torch.zeros(2)) for _ in range(3))
    groups = adapter_groups(
        [("a.up", up, 1e-4, True), ("a.down", down, 1e-4, False), ("b.down", other, 1e-5, False)], lora_plus=16
    )
    assert {tuple(group.parameters): group.rate for group in groups} == {
        ("a.up",): pytest.approx(16e-4),
        ("a.down",): 1e-4,
        ("b.down",): 1e-5,
    }


def test_gradients_are_clipped_and_dropped() -> None:
    weight = nn.Parameter(numbers("w", (6, 5)))
    before = weight.detach().clone()
    updater = Updater(
        [ParameterGroup("all", {"w": weight}, 0.1)], lambda p, rate: torch.optim.SGD(p, lr=rate), clip=1.0
    )
    updater.set_factor(0.5)
    weight.grad = torch.full((6, 5), 10.0)
    assert updater.step() == pytest.approx(10 * 30**0.5)
    assert [parameter.grad for parameter in updater.parameters.values()] == [None]
    assert float((before - weight.detach()).norm()) == pytest.approx(0.05, rel=1e-4)


def test_random_rounding_keeps_the_mean() -> None:
    torch.manual_seed(0)
    x = torch.tensor([1.0, 1.001, -3.3333, 1e-30, 65280.0, 0.0]).repeat(40_000, 1)
    rounded = stochastically_rounded(x)
    assert rounded.dtype is torch.bfloat16
    torch.testing.assert_close(rounded.float().mean(0), x[0], rtol=2e-4, atol=0)
    below = rounded.float()[:, 1].unique()
    assert below.tolist() == [1.0, 1.0078125], "one of the two neighbors"
    assert torch.isnan(stochastically_rounded(torch.tensor([float("nan")]))).all()
    assert torch.isinf(stochastically_rounded(torch.tensor([float("inf")]))).all()


@pytest.mark.parametrize("rounding", ["stochastic", "compensated"])
def test_small_updates_of_bf16_weights_are_not_lost(rounding: Any) -> None:
    """A thousand updates of a two-thousandth each move a weight of 1 by a half; plain rounding moves it by nothing."""
    torch.manual_seed(0)
    weight = nn.Parameter(torch.ones(64, dtype=torch.bfloat16))
    updater = RoundingUpdater(
        [ParameterGroup("all", {"w": weight}, 5e-4)], lambda p, rate: torch.optim.SGD(p, lr=rate), rounding=rounding
    )
    for _ in range(1000):
        weight.grad = torch.ones_like(weight)
        updater.step()
    assert float(weight.detach().float().mean()) == pytest.approx(0.5, abs=0.02)
    plain = torch.ones((), dtype=torch.bfloat16)
    for _ in range(1000):
        plain -= 5e-4
    assert float(plain) == 1.0


def test_updates_in_the_backward_pass_are_those_after_it() -> None:
    results = []
    for is_fused in (False, True):
        torch.manual_seed(3)
        network = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2)).to(torch.bfloat16)
        groups = [ParameterGroup("all", dict(network.named_parameters()), 1e-2)]
        updater = RoundingUpdater(groups, MAKE, rounding="compensated")
        if is_fused:
            updater.fuse_with_backward()
        for _ in range(3):
            network(torch.ones(2, 4, dtype=torch.bfloat16)).square().sum().backward()
            if not is_fused:
                updater.step()
            assert all(parameter.grad is None for parameter in network.parameters())
        results.append([parameter.detach().clone() for parameter in network.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("kind", ["lion", "torch.optim.Nothing", "os.path", "nosuch.module.Class", ""])
def test_unknown_optimizers(kind: str) -> None:
    with pytest.raises(
        SettingsError, match=f"optimizer.kind is '{kind}'; expected adamw, adafactor, or the dotted name"
    ):
        optimizer_factory(OptimizerOptions(kind=kind))
