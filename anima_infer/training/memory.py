"""Memory of a training: blocks that are computed again in the backward pass, and counting without weights."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint

from anima_infer.model.dit import Dit


def checkpoint_blocks(dit: Dit) -> None:
    """Make every block keep its input alone in training, and compute the rest again in the backward pass."""
    for block in dit.blocks:
        block.forward = partial(_checkpointed, block.forward)


def _checkpointed(forward: Callable[..., Tensor], *inputs: Any) -> Tensor:
    if not torch.is_grad_enabled():
        return forward(*inputs)
    result: Tensor = checkpoint(forward, *inputs, use_reentrant=False)
    return result


class MemoryMeter(TorchDispatchMode):
    """Counts the bytes of the tensors that are alive, and the most that ever were; works on the meta device."""

    def __init__(self) -> None:
        """Start at zero."""
        super().__init__()
        self.current = self.peak = 0
        self._sizes: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation and count its results."""
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._count(leaf.untyped_storage())
        return result

    def count(self, tensor: Tensor) -> None:
        """Count a tensor that was made before."""
        self._count(tensor.untyped_storage())

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata  # noqa: SLF001  the only identity of a storage without data
        if key in self._sizes:
            return
        self._sizes[key] = storage.nbytes()
        self.current += storage.nbytes()
        self.peak = max(self.peak, self.current)
        weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self.current -= self._sizes.pop(key, 0)
