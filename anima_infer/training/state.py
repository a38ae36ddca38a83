"""State of a training run: averaged weights, and files that it resumes from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from anima_infer.errors import CheckpointError
from anima_prompt.atomic import atomic_path


class WeightAverage:
    """An exponential moving average of weights; early steps count less, so that the start is soon forgotten."""

    def __init__(self, networks: Iterable[nn.Module], decay: float = 0.999) -> None:
        """Start from the current weights."""
        self.networks = list(networks)
        self.decay, self.steps = decay, 0
        self.averages = [{n: p.detach().clone() for n, p in net.named_parameters()} for net in self.networks]

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the weights."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for network, averages in zip(self.networks, self.averages, strict=True):
            for name, parameter in network.named_parameters():
                averages[name].lerp_(parameter, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the weights and their average; a second call restores both."""
        for network, averages in zip(self.networks, self.averages, strict=True):
            for name, parameter in network.named_parameters():
                weights = parameter.detach().clone()
                parameter.copy_(averages[name])
                averages[name] = weights

    def state(self) -> dict[str, Any]:
        """Return the state to save."""
        return {"steps": self.steps, "averages": self.averages}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        self.steps, self.averages = state["steps"], state["averages"]


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state, atomically."""
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


def load_state(path: Path) -> dict[str, Any] | None:
    """Return a saved state; None if the file does not exist.

    Raises:
        CheckpointError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  zip, pickle and torch have errors of their own
        reason = " ".join(str(error).split())[:80]
        raise CheckpointError(f"{path}: the state cannot be read ({reason}); delete it to start again") from None
    return state


def count_parameters(networks: Iterable[nn.Module]) -> int:
    """Return the number of parameters of networks."""
    return sum(parameter.numel() for network in networks for parameter in network.parameters())
