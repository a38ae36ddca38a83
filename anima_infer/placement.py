"""Devices and dtypes; and where weights are while they are not needed: on the device, or in main memory.

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

DTYPES = {"fp8": torch.bfloat16, "bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
"""The dtype to compute in, by name; ``fp8`` is for storage alone."""

_Waiting = tuple[nn.Module, str, Any, Tensor]
"""A module, the name of one of its tensors, the mapping that contains it, and the tensor in main memory."""


def parse_device(name: str) -> torch.device:
    """Return a device by PyTorch's name; ``auto`` is the accelerator if there is one.

    Raises:
        SettingsError: the name is unknown, or this machine has no such device.
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
    """Return the dtype to compute in; ``auto`` is float32 on a CPU and bfloat16 elsewhere.

    Raises:
        SettingsError: the name is unknown.
    """
    if name == "auto":
        return torch.float32 if parse_device(device).type == "cpu" else torch.bfloat16
    if name not in DTYPES:
        raise SettingsError(f"dtype is '{name}'; expected auto, {', '.join(DTYPES)}")
    return DTYPES[name]


_TINY = 20_000_000
"""Parameters of a network that one thread serves best; the demo model has 2 million, the release 2,000 million."""


class Offload(StrEnum):
    """What is on the device: everything, one network at a time, or one block of the DiT at a time."""

    NONE = "none"
    PARTS = "parts"
    BLOCKS = "blocks"


class Placement:
    """Brings networks to the device while they work."""

    def __init__(self, offload: Offload, device: torch.device) -> None:
        """Use a device; with ``NONE`` the networks must be on it already."""
        self.offload, self.device = offload, device

    @contextmanager
    def using(self, *networks: nn.Module) -> Iterator[None]:
        """Keep networks on the device inside this context; nested contexts move nothing twice."""
        if self.offload is Offload.NONE:
            yield
            return
        waiting: list[_Waiting] = []
        blockwise: list[Dit] = []
        try:
            for network in networks:
                in_blocks: set[nn.Module] = set()
                if self.offload is Offload.BLOCKS and isinstance(network, Dit):
                    in_blocks = {module for block in network.blocks for module in block.modules()}
                    network.block_loader = self._load_block
                    blockwise.append(network)
                waiting += self._bring(module for module in network.modules() if module not in in_blocks)
            yield
        finally:
            for network in blockwise:
                network.block_loader = lambda _block: nullcontext()
            _restore(waiting)

    @contextmanager
    def _load_block(self, block: nn.Module) -> Iterator[None]:
        waiting = self._bring(block.modules())
        try:
            yield
        finally:
            _restore(waiting)

    def _bring(self, modules: Iterable[nn.Module]) -> list[_Waiting]:
        waiting: list[_Waiting] = []
        for module in modules:
            for tensors in (module._parameters, module._buffers):  # noqa: SLF001  the modules' own tensors
                for name, tensor in tensors.items():
                    if tensor is not None and tensor.device != self.device:
                        waiting.append((module, name, tensors, tensor))
                        tensors[name] = self.send(tensor)
        return waiting

    def send(self, tensor: Tensor) -> Any:
        """Return a copy of a tensor on the device."""
        moved = tensor.detach().to(self.device, non_blocking=True)
        return nn.Parameter(moved, requires_grad=False) if isinstance(tensor, nn.Parameter) else moved


def _restore(waiting: list[_Waiting]) -> None:
    for _, name, tensors, tensor in waiting:
        tensors[name] = tensor


@contextmanager
def one_thread_if_tiny(network: nn.Module) -> Iterator[None]:
    """Use one thread for a tiny network: several wait for each other longer than they work, and slow other programs."""
    before = torch.get_num_threads()
    is_tiny = sum(parameter.numel() for parameter in network.parameters()) < _TINY
    if is_tiny:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if is_tiny:
            torch.set_num_threads(before)
