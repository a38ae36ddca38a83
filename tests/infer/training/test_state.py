"""Facts about averages and saved states."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from anima_infer.errors import CheckpointError
from anima_infer.training.state import WeightAverage, load_state, save_state


def test_averages_swap_and_come_back(tmp_path: Path) -> None:
    network = torch.nn.Linear(4, 4)
    average = WeightAverage([network], 0.5)
    start = network.weight.detach().clone()
    with torch.no_grad():
        network.weight += 1
    for _ in range(50):
        average.update()
    moved = network.weight.detach().clone()
    average.swap()
    torch.testing.assert_close(network.weight, moved, atol=1e-4, rtol=0)
    average.swap()
    assert torch.equal(network.weight, moved)
    assert not torch.equal(network.weight, start)
    save_state(tmp_path / "a.state", average.state())
    loaded = load_state(tmp_path / "a.state")
    assert loaded is not None
    assert loaded["steps"] == 50
    assert load_state(tmp_path / "none") is None
    (tmp_path / "bad").write_bytes(b"no state")
    with pytest.raises(CheckpointError, match="delete it to start again"):
        load_state(tmp_path / "bad")
