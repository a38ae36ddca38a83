"""A state on disk from which a training run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from anima_infer.training.optimizer import Learner
from anima_infer.training.state import Average, load_state, save_state


def save_run(
    path: Path,
    networks: Sequence[nn.Module],
    learner: Learner,
    source: torch.Generator,
    average: Average | None = None,
) -> None:
    """Write networks, optimizers, random numbers and the average; whole or not at all."""
    state = {"networks": [network.state_dict() for network in networks], "random": source.get_state()}
    if average is not None:
        state["average"] = average.state()
    save_state(path, state | learner.state())


def resume_run(
    path: Path, networks: Sequence[nn.Module], learner: Learner, source: torch.Generator, average: Average | None = None
) -> None:
    """Go on from the state that a file has; without the file nothing changes.

    Raises:
        CheckpointError: the state is damaged.
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
