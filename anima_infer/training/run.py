"""Saving and resuming a training run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from anima_infer.training.optimizer import Learner
from anima_infer.training.state import WeightAverage, load_state, save_state


def save_run(
    path: Path,
    networks: Sequence[nn.Module],
    learner: Learner,
    source: torch.Generator,
    average: WeightAverage | None = None,
) -> None:
    """Write networks, optimizers, the random generator and the average, atomically."""
    state = {"networks": [network.state_dict() for network in networks], "random": source.get_state()}
    if average is not None:
        state["average"] = average.state()
    save_state(path, state | learner.state())


def resume_run(
    path: Path,
    networks: Sequence[nn.Module],
    learner: Learner,
    source: torch.Generator,
    average: WeightAverage | None = None,
) -> None:
    """Restore a saved run; does nothing if the file does not exist.

    Raises:
        CheckpointError: the file is damaged.
    """
    state = load_state(path)
    if state is None:
        return
    for network, weights in zip(networks, state["networks"], strict=True):
        network.load_state_dict(weights)
    learner.load(state)
    source.set_state(state["random"])
    if average is not None:
        average.load(state["average"])
