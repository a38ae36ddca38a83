"""Facts about trainable changes: where they start, what is dropped, and that the base stays as it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from anima_infer.models import Models
from anima_infer.training.methods.attaching import attach, detach, strength
from anima_infer.training.methods.changes import Change, Dropout, LohaChange, LokrChange, LoraChange, factorized
from tests.infer.arithmetic import numbers

Make = Callable[..., Change]
ALL: dict[str, Make] = {
    "lora": LoraChange,
    "loha": LohaChange,
    "lokr": LokrChange,
    "whole lokr": lambda *sizes, rank, **options: LokrChange(*sizes, rank=rank * 100, factor=2, **options),
}


def randomized(change: Change) -> Change:
    with torch.no_grad():
        for name, parameter in change.named_parameters():
            parameter.copy_(numbers(name, tuple(parameter.shape)))
    return change


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_the_output_is_that_of_the_delta(make: Make) -> None:
    change = randomized(make(24, 36, rank=3, alpha=2.0)).eval()
    x = numbers("x", (2, 5, 24))
    torch.testing.assert_close(change(x), x @ change.delta().T, atol=1e-5, rtol=1e-5)
    assert make(24, 36, rank=3, alpha=0).scale == 1, "alpha 0 is the rank"


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_training_starts_at_the_base(make: Make, models: Models) -> None:
    projection = models.dit.get_submodule("blocks.0.mlp.layer1")
    assert isinstance(projection, nn.Linear)
    before, x = projection.weight.detach().clone(), numbers("x", (2, projection.in_features))
    plain = projection(x)
    change = make(projection.in_features, projection.out_features, rank=4)
    attach(models.dit, {"blocks.0.mlp.layer1": change})
    changed = models.dit.get_submodule("blocks.0.mlp.layer1")
    assert torch.equal(changed(x), plain)
    randomized(change)
    assert not torch.allclose(changed(x), plain)
    with strength(models.dit, 0):
        assert torch.equal(changed(x), plain)
    changed(x).sum().backward()
    assert projection.weight.grad is None
    detach(models.dit)
    assert models.dit.get_submodule("blocks.0.mlp.layer1") is projection
    assert torch.equal(projection.weight, before)


@torch.no_grad()
def test_start_values() -> None:
    torch.manual_seed(0)
    lora = LoraChange(400, 100, rank=16)
    assert 0.045 < float(lora.down.abs().max()) <= 0.05, "uniform within 1 / root of 400"
    assert abs(float(lora.down.std()) - 0.05 / 3**0.5) < 0.001
    loha = LohaChange(400, 100, rank=16)
    deviations = [float(p.std()) for p in (loha.hada_w1_a, loha.hada_w1_b, loha.hada_w2_b)]
    assert deviations == pytest.approx([0.1, 1.0, 1.0], rel=0.05)
    lokr = LokrChange(1024, 1024, rank=4)
    assert 0.17 < float(lokr.lokr_w1.abs().max()) <= 32**-0.5
    assert 0.45 < float(lokr.lokr_w2_a.abs().max()) <= 0.5, "within 1 / root of the rank"


def test_a_whole_lokr_has_its_rank_as_alpha() -> None:
    whole = LokrChange(64, 64, rank=4, alpha=1.0)
    assert whole.is_whole, "rank 4 is half of 8"
    assert (whole.scale, whole.saved_alpha().dtype, int(whole.saved_alpha())) == (1.0, torch.int64, 4)
    assert not LokrChange(64, 64, rank=3).is_whole


@pytest.mark.parametrize(
    ("size", "factor", "factors"),
    [
        (2048, -1, (32, 64)),
        (1024, -1, (32, 32)),
        (8192, 4, (4, 2048)),
        (68, 8, (4, 17)),
        (68, 34, (2, 34)),
        (7, 4, (1, 7)),
    ],
)
def test_factors(size: int, factor: int, factors: tuple[int, int]) -> None:
    assert factorized(size, factor) == factors


@torch.no_grad()
def test_dropout_keeps_the_mean_and_works_in_training_alone() -> None:
    torch.manual_seed(0)
    x = numbers("x", (4000, 1, 8))
    for make, dropout in (
        (LoraChange, Dropout(ranks=0.5)),
        (LoraChange, Dropout(values=0.5)),
        (LohaChange, Dropout(ranks=0.5)),
    ):
        change = randomized(make(8, 6, rank=4, dropout=dropout))
        plain = change.eval()(x)
        assert torch.equal(plain, change(x))
        mean = torch.stack([change.train()(x) for _ in range(200)]).mean(0)
        assert float((mean - plain).norm() / plain.norm()) < 0.12, (make, dropout)
    rows = randomized(LoraChange(8, 6, rank=1, dropout=Dropout(ranks=0.5))).train()(x)
    assert 0.45 < float((rows == 0).all(-1).float().mean()) < 0.55, "each sample drops ranks of its own"


def test_a_dropped_module_leaves_the_base() -> None:
    torch.manual_seed(0)
    base = nn.Linear(8, 8)
    network = nn.Sequential(base)
    attach(network, {"0": randomized(LoraChange(8, 8, rank=2, dropout=Dropout(modules=0.3)))})
    x = numbers("x", (1, 8))
    dropped = sum(torch.equal(network(x), base(x)) for _ in range(1000))
    assert 250 < dropped < 350
