"""Put trainable changes on the projections of a network, and take them off again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from anima_infer.training.methods.changes import Change


class Changed(nn.Module):
    """A projection, frozen, and a trainable change beside it."""

    def __init__(self, base: nn.Linear, change: Change) -> None:
        """Freeze ``base``; the change is applied in full."""
        super().__init__()
        self.base = base.requires_grad_(requires_grad=False)
        self.change = change
        self.strength = 1.0

    @property
    def weight(self) -> Tensor:
        """The stored weight, without the change."""
        return self.base.weight

    @property
    def bias(self) -> Tensor | None:
        """The stored bias, if the projection has one."""
        return self.base.bias

    def forward(self, x: Tensor) -> Tensor:
        """Return the projection of ``x`` with the change; at strength 0 that of the base, to the bit."""
        y: Tensor = self.base(x)
        if self.strength == 0 or self._is_dropped():
            return y
        change = self.change(x)
        return y + (change if self.strength == 1 else self.strength * change)

    def _is_dropped(self) -> bool:
        share = self.change.dropout.modules
        return self.training and share > 0 and float(torch.rand(())) < share


def attach(network: nn.Module, changes: Mapping[str, Change]) -> None:
    """Put changes on the projections with these names, in place."""
    for name, change in changes.items():
        parent, _, leaf = name.rpartition(".")
        projection = network.get_submodule(name)
        assert isinstance(projection, nn.Linear)
        setattr(network.get_submodule(parent), leaf, Changed(projection, change.to(projection.weight.device)))


def detach(network: nn.Module) -> None:
    """Take all changes off a network, in place."""
    for name, module in list(network.named_modules()):
        if isinstance(module, Changed):
            parent, _, leaf = name.rpartition(".")
            setattr(network.get_submodule(parent), leaf, module.base)


@contextmanager
def strength(network: nn.Module, value: float) -> Iterator[None]:
    """Apply all changes of a network with this strength."""
    changed = [module for module in network.modules() if isinstance(module, Changed)]
    before = [module.strength for module in changed]
    try:
        for module in changed:
            module.strength = value
        yield
    finally:
        for module, old in zip(changed, before, strict=True):
            module.strength = old
