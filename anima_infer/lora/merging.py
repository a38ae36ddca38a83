"""LoRAs merged into networks, and taken out again to the bit."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from torch import Tensor, nn

from anima_infer.errors import LoraError
from anima_infer.lora.deltas import Delta
from anima_infer.lora.file import Lora
from anima_infer.lora.names import ModuleNames


class Merger:
    """Merges LoRAs into networks and restores the networks; a copy of every changed weight is held meanwhile."""

    def __init__(self, dit: nn.Module, adapter: nn.Module | None = None, text: nn.Module | None = None) -> None:
        """Use these networks; ``text`` is the inner transformers model."""
        self._networks = {"dit": dit, "adapter": adapter, "text": text}
        self.names = ModuleNames.from_networks(dit, adapter, text)
        self._originals: dict[tuple[str, str], Tensor] = {}
        self.active: tuple[tuple[Path, float, float], ...] = ()

    def read(self, path: str | Path) -> Lora:
        """Read a LoRA file.

        Raises:
            CheckpointError: it cannot be read.
            LoraError: it does not fit the networks.
        """
        return Lora.read(path, self.names)

    def apply(self, loras: Iterable[tuple[Lora, float, float]]) -> None:
        """Make these LoRAs the active ones, in order, whatever was active before.

        Args:
            loras: each with its strength on DiT and adapter, and its strength on the text encoder.

        Raises:
            LoraError: one does not fit; nothing is active then.
        """
        chosen = list(loras)
        wanted = tuple((lora.path, strength, text_strength) for lora, strength, text_strength in chosen)
        if wanted == self.active:
            return
        self.clear()
        try:
            for lora, strength, text_strength in chosen:
                for module, delta in lora.deltas.items():
                    network = module.partition(":")[0]
                    self._merge(lora.path, module, delta, text_strength if network == "text" else strength)
        except LoraError:
            self.clear()
            raise
        self.active = wanted

    def clear(self) -> None:
        """Restore every changed weight, to the bit."""
        for (module, leaf), tensor in self._originals.items():
            _set(self._owner(module), leaf, tensor)
        self._originals.clear()
        self.active = ()

    def _owner(self, module: str) -> nn.Module:
        network_name, _, name = module.partition(":")
        network = self._networks[network_name]
        assert network is not None
        return network.get_submodule(name)

    def _merge(self, path: Path, module: str, delta: Delta, strength: float) -> None:
        owner = self._owner(module)
        try:
            if "diff_b" in delta.tensors and getattr(owner, "bias", None) is not None:
                self._save(module, "bias", owner)
                _set(owner, "bias", delta.merged_bias(owner.bias, strength))  # type: ignore[arg-type]
            if delta.tensors.keys() - {"diff_b", "alpha"}:
                self._save(module, "weight", owner)
                _set(owner, "weight", delta.merged(owner.weight, strength))  # type: ignore[arg-type]
        except LoraError as error:
            raise LoraError(f"{path}: '{module}': {error}") from None

    def _save(self, module: str, leaf: str, owner: nn.Module) -> None:
        self._originals.setdefault((module, leaf), getattr(owner, leaf).detach())


def _set(owner: nn.Module, leaf: str, tensor: Tensor) -> None:
    owner.register_parameter(leaf, nn.Parameter(tensor.detach(), requires_grad=False))
