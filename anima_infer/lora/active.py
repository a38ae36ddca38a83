"""The LoRAs that act on loaded networks: beside the stored weights, which are never written to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from anima_infer.errors import LoraError
from anima_infer.lora.change import WeightChange
from anima_infer.lora.deltas import Delta
from anima_infer.lora.depth import Expansion, fit_to_model
from anima_infer.lora.file import Lora
from anima_infer.lora.modules import ChangedModule, changed_module, weight_in

Notify = Callable[[str], None]
"""Is told, in one line, what a user should know."""


class ActiveLoras:
    """Applies LoRAs to networks, with strengths that change freely, and removes them."""

    def __init__(
        self,
        dit: nn.Module,
        adapter: nn.Module | None = None,
        text: nn.Module | None = None,
        *,
        metadata: Mapping[str, str] | None = None,
        notify: Notify = lambda _: None,
    ) -> None:
        """Use these networks.

        Args:
            dit: the diffusion transformer.
            adapter: of the text encoder; None if LoRAs may not change it.
            text: the inner transformers model of the text encoder.
            metadata: header of the DiT's file, which may say where its blocks were inserted.
            notify: is told when a LoRA is moved to another number of blocks.
        """
        self._networks = {"dit": dit, "adapter": adapter, "text": text}
        self._modules = {
            f"{network}:{name}": module
            for network, root in self._networks.items()
            if root is not None
            for name, module in root.named_modules()
            if any(True for _ in module.parameters(recurse=False))
        }
        self._dtypes = {name: _compute_dtype(root) for name, root in self._networks.items() if root is not None}
        self._metadata, self._notify = metadata or {}, notify
        self._changed: dict[str, ChangedModule] = {}
        self.active: tuple[tuple[Path, float, float], ...] = ()

    def read(self, path: str | Path) -> Lora:
        """Read a LoRA file, and move it to the DiT's number of blocks if it was made for another one.

        Raises:
            CheckpointError: it cannot be read.
            LoraError: it does not fit the networks.
        """
        lora = Lora.read(path)
        for note in lora.notes:
            self._notify(f"{lora.path.name}: {note}")
        blocks = 1 + max(
            (int(name.split(".")[1]) for name in self._modules if name.startswith("dit:blocks.")), default=-1
        )
        lora, note = fit_to_model(lora, blocks, Expansion.from_header(self._metadata))
        if note:
            self._notify(note)
        absent = [module for module in lora.deltas if module not in self._modules]
        if absent:
            raise LoraError(f"{path}: {_describe_absent(absent, self._networks)}")
        return lora

    def apply(self, loras: Iterable[tuple[Lora, float, float]]) -> None:
        """Make these LoRAs the active ones, in order, whatever was active before.

        Args:
            loras: each with its strength on DiT and adapter, and its strength on the text encoder. With strength 0 it
                changes nothing.

        Raises:
            LoraError: one does not fit; nothing is active then.
        """
        chosen = list(loras)
        wanted = tuple((lora.path, strength, text_strength) for lora, strength, text_strength in chosen)
        if wanted == self.active:
            return
        try:
            changes = self._changes(chosen)
        except LoraError:
            self.clear()
            raise
        for module in [module for module in self._changed if module not in changes]:
            self._put(module, self._modules[module])
            del self._changed[module]
        for module, change in changes.items():
            if module not in self._changed:
                self._changed[module] = changed_module(self._modules[module], self._dtypes[module.partition(":")[0]])
                self._put(module, self._changed[module])
            self._changed[module].set(change)
        self.active = wanted

    def clear(self) -> None:
        """Remove all LoRAs."""
        for module in self._changed:
            self._put(module, self._modules[module])
        self._changed.clear()
        self.active = ()

    def _changes(self, loras: Iterable[tuple[Lora, float, float]]) -> dict[str, WeightChange]:
        """Return what LoRAs, applied one after the other, make of each module."""
        changes: dict[str, WeightChange] = {}
        for lora, strength, text_strength in loras:
            for module, delta in lora.deltas.items():
                of_network = text_strength if module.startswith("text:") else strength
                if of_network == 0:
                    continue
                change = changes.setdefault(module, WeightChange(_weight_of(self._modules[module]).shape))
                try:
                    self._add(change, self._modules[module], delta, of_network)
                except LoraError as error:
                    raise LoraError(f"{lora.path}: '{module}': {error}") from None
        return changes

    def _add(self, change: WeightChange, module: nn.Module, delta: Delta, strength: float) -> None:
        device = _weight_of(module).device
        moved = Delta({role: tensor.to(device) for role, tensor in delta.tensors.items()}, delta.stated_scale)
        if moved.kind is not None:
            change.add(moved, strength, lambda: weight_in(module, torch.float32))
        if "diff_b" in moved.tensors:
            change.add_bias(moved, strength, has_bias=getattr(module, "bias", None) is not None)

    def _put(self, name: str, module: nn.Module) -> None:
        network, _, path = name.partition(":")
        root = self._networks[network]
        assert root is not None
        owner, _, leaf = path.rpartition(".")
        setattr(root.get_submodule(owner), leaf, module)


def _weight_of(module: nn.Module) -> Tensor:
    weight: Tensor = module.weight  # type: ignore[assignment]
    return weight


def _compute_dtype(network: nn.Module) -> torch.dtype:
    """Return the dtype that a network computes in: that of its norms, which are never stored in a smaller one."""
    return next(p.dtype for name, p in network.named_parameters() if "norm" in name and p.ndim == 1)


def _describe_absent(modules: list[str], networks: Mapping[str, nn.Module | None]) -> str:
    from anima_infer.lora.names import summarize

    parts = {"adapter": "adapter", "text": "text encoder"}
    for network, noun in parts.items():
        if networks[network] is None and any(name.startswith(f"{network}:") for name in modules):
            return f"changes the {noun}, which is not in this file; pass the file that contains it"
    count = f"{len(modules)} module{'' if len(modules) == 1 else 's'}"
    return (
        f"{count} not found in Anima of this size ({summarize(name.partition(':')[2] for name in modules)}); "
        "the LoRA may be for another version"
    )
