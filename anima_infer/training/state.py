"""What outlives a step: averaged weights, and a state on disk from which a run goes on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from anima_infer.atomic import atomic_write
from anima_infer.errors import CheckpointError


class Average:
    """An exponential moving average of weights, warmed up so that the start does not linger."""

    def __init__(self, networks: Iterable[nn.Module], decay: float = 0.999) -> None:
        """Start from the weights as they are."""
        self.networks = list(networks)
        self.decay, self.steps = decay, 0
        self.kept = [{n: p.detach().clone() for n, p in net.named_parameters()} for net in self.networks]

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the weights."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for net, kept in zip(self.networks, self.kept, strict=True):
            for name, parameter in net.named_parameters():
                kept[name].lerp_(parameter, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the weights and their average; done twice, nothing has changed."""
        for net, kept in zip(self.networks, self.kept, strict=True):
            for name, parameter in net.named_parameters():
                here = parameter.detach().clone()
                parameter.copy_(kept[name])
                kept[name] = here

    def state(self) -> dict[str, Any]:
        """Return what has to be saved."""
        return {"steps": self.steps, "kept": self.kept}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.steps, self.kept = state["steps"], state["kept"]


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state whole or not at all; the one before it stays until then."""
    with atomic_write(path) as beside:
        torch.save(state, beside)


def load_state(path: Path) -> dict[str, Any] | None:
    """Return a state, None if there is none.

    Raises:
        CheckpointError: it is damaged.
    """
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  zip, pickle and torch have errors of their own
        reason = " ".join(str(error).split())[:80]
        raise CheckpointError(f"{path}: the state cannot be read ({reason}); remove it to start anew") from None
    return state


def count_parameters(networks: Iterable[nn.Module]) -> int:
    """Return how many numbers the networks learn."""
    found: list[Tensor] = [p for net in networks for p in net.parameters()]
    return sum(p.numel() for p in found)
