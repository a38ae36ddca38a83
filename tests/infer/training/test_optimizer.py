"""Facts about the optimizers."""

from __future__ import annotations

import copy

import pytest
import torch

from anima_infer.training.optimizer import Learner, TrainingSchedule, orthogonalized


def test_a_learner_keeps_its_pace_and_goes_on() -> None:
    schedule = TrainingSchedule(400, 1, 0.1, warm=100)
    assert schedule.at(49) == pytest.approx(0.05), "half way through the warm-up"
    assert schedule.at(100) == pytest.approx(0.1)
    assert schedule.at(400) == schedule.at(500) == pytest.approx(0.005)
    weight = torch.nn.Parameter(torch.tensor([4.0]))
    learner = Learner([weight], schedule)
    losses = [learner.learn(100 * weight.square().sum()) for _ in range(400)]
    assert losses[0] == 1600
    assert losses[-1] < 1e-3
    assert weight.grad is None
    other = torch.nn.Parameter(weight.detach().clone())
    again = Learner([other], schedule)
    again.load(copy.deepcopy(learner.state()))
    assert again.step == 400
    for one, values in ((learner, weight), (again, other)):
        one.learn((values - 1).square().sum())
    assert torch.equal(weight, other)


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 48, 16), (1, 16, 64)])
def test_orthogonalized_moves_reach_every_direction_alike(shape: tuple[int, int, int]) -> None:
    source = torch.Generator().manual_seed(0)
    narrow = torch.randn(shape, generator=source) * torch.logspace(0, -1, shape[-1])
    made = orthogonalized(narrow).float()
    assert made.shape == shape
    values = torch.linalg.svdvals(made)
    assert 0.6 < values.min() < values.max() < 1.3, "they were a hundred apart"
    left, _, right = torch.linalg.svd(narrow, full_matrices=False)
    assert torch.einsum("nab,nab->n", made, left @ right).min() > 0.9 * min(shape[1:]) * 0.8, "the same directions"


def test_muon_moves_matrices_and_adamw_the_rest() -> None:
    source = torch.Generator().manual_seed(1)
    target, x = torch.randn(8, 24, generator=source), torch.randn(64, 24, generator=source)

    def made() -> tuple[torch.nn.Linear, Learner]:
        network = torch.nn.Linear(24, 8)
        with torch.no_grad():
            network.weight.zero_()
            network.bias.fill_(1.0)
        schedule = TrainingSchedule(300, 1, 0.05, warm=10)
        return network, Learner(network.parameters(), schedule, matrices=[next(network.parameters())], matrix_rate=0.1)

    def loss(network: torch.nn.Linear) -> torch.Tensor:
        return (network(x) - x @ target.T).square().mean()

    network, learner = made()
    first = learner.learn(loss(network))
    assert network.weight.abs().max() < 0.1 / 10 * 1.3, "no entry is larger than the step, which is a tenth at first"
    for _ in range(149):
        learner.learn(loss(network))
    other, again = made()
    other.load_state_dict(network.state_dict())
    again.load(copy.deepcopy(learner.state()))
    for _ in range(150):
        learner.learn(loss(network))
        again.learn(loss(other))
    assert float(loss(network).detach()) < first / 1000
    assert torch.equal(network.weight, other.weight), "a run that goes on makes the same steps"
    assert network.bias.abs().max() < 0.1
