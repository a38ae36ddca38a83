"""Where weights live while they are not needed: all on the device, one network at a time, or one block at a time.

Weights that wait stay in main memory as they were loaded; nothing is copied back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, nn

from anima_infer.errors import SettingsError
from anima_infer.model.dit import Dit

_Kept = tuple[nn.Module, str, Any, Tensor]
"""A module, the name of one of its tensors, the mapping that holds it, and the tensor that waits."""


class Offload(StrEnum):
    """How much leaves the device."""

    NONE = "none"
    PARTS = "parts"
    BLOCKS = "blocks"


class Placement:
    """Brings networks to the device for the time that they work."""

    def __init__(self, offload: Offload, device: torch.device) -> None:
        """Take the device that does the work; with ``NONE`` the networks are there already."""
        self.offload, self.device = offload, device

    @contextmanager
    def using(self, *networks: nn.Module) -> Iterator[None]:
        """Keep networks on the device inside this block; nothing is moved twice where blocks nest."""
        if self.offload is Offload.NONE:
            yield
            return
        kept: list[_Kept] = []
        visited: list[Dit] = []
        try:
            for network in networks:
                inside: set[nn.Module] = set()
                if self.offload is Offload.BLOCKS and isinstance(network, Dit):
                    inside = {module for block in network.blocks for module in block.modules()}
                    network.block_loader = self._visit
                    visited.append(network)
                kept += self._bring(module for module in network.modules() if module not in inside)
            yield
        finally:
            for network in visited:
                network.block_loader = lambda _block: nullcontext()
            _restore(kept)

    @contextmanager
    def _visit(self, block: nn.Module) -> Iterator[None]:
        kept = self._bring(block.modules())
        try:
            yield
        finally:
            _restore(kept)

    def _bring(self, modules: Iterable[nn.Module]) -> list[_Kept]:
        kept: list[_Kept] = []
        for module in modules:
            for store in (module._parameters, module._buffers):  # noqa: SLF001  the modules' own tensors
                for name, tensor in store.items():
                    if tensor is not None and tensor.device != self.device:
                        kept.append((module, name, store, tensor))
                        store[name] = self.send(tensor)
        return kept

    def send(self, tensor: Tensor) -> Any:
        """Return a tensor on the device."""
        moved = tensor.detach().to(self.device, non_blocking=True)
        return nn.Parameter(moved, requires_grad=False) if isinstance(tensor, nn.Parameter) else moved


def _restore(kept: list[_Kept]) -> None:
    for _, name, store, tensor in kept:
        store[name] = tensor


DTYPES = {"fp8": torch.bfloat16, "bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def parse_device(name: str) -> torch.device:
    """Return a device; ``auto`` is the accelerator if there is one.

    Raises:
        SettingsError: it is unknown, or not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())[:100]
        raise SettingsError(f"device '{name}' cannot be used ({reason}); expected auto, cpu, cuda or mps") from None
    return device


def parse_dtype(name: str, device: str = "auto") -> torch.dtype:
    """Return the type in which the networks compute.

    Raises:
        SettingsError: it is unknown.
    """
    if name == "auto":
        return torch.float32 if parse_device(device).type == "cpu" else torch.bfloat16
    if name not in DTYPES:
        raise SettingsError(f"type is '{name}'; expected auto, {', '.join(DTYPES)}")
    return DTYPES[name]
