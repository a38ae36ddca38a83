"""LoRAs merged into networks, and taken out again to the bit."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from torch import Tensor, nn

from anima_infer.errors import LoraError
from anima_infer.lora.deltas import Delta
from anima_infer.lora.file import Lora
from anima_infer.lora.names import Names


class Merger:
    """Merges LoRAs into networks and takes them out again; the touched weights are kept."""

    def __init__(self, dit: nn.Module, adapter: nn.Module | None = None, text: nn.Module | None = None) -> None:
        """Take the networks; ``text`` is the inner transformers model."""
        self._networks = {"dit": dit, "adapter": adapter, "text": text}
        self.names = Names.of(dit, adapter, text)
        self._kept: dict[tuple[str, str], Tensor] = {}
        self.active: tuple[tuple[Path, float, float], ...] = ()

    def read(self, path: str | Path) -> Lora:
        """Read a LoRA file.

        Raises:
            CheckpointError: it cannot be read.
            LoraError: it does not fit.
        """
        return Lora.read(path, self.names)

    def apply(self, loras: Iterable[tuple[Lora, float, float]]) -> None:
        """Make these LoRAs the active ones, in order, whatever was active before.

        Args:
            loras: each with its strength on the DiT and adapter, and its strength on the text encoder.

        Raises:
            LoraError: one does not fit; nothing is active then.
        """
        chosen = list(loras)
        wanted = tuple((lora.path, strength, text) for lora, strength, text in chosen)
        if wanted == self.active:
            return
        self.clear()
        try:
            for lora, strength, text in chosen:
                for module, delta in lora.deltas.items():
                    kind = module.partition(":")[0]
                    self._merge(lora.path, module, delta, text if kind == "text" else strength)
        except LoraError:
            self.clear()
            raise
        self.active = wanted

    def clear(self) -> None:
        """Put every weight back as it was, to the bit."""
        for (module, leaf), tensor in self._kept.items():
            _put(self._owner(module), leaf, tensor)
        self._kept.clear()
        self.active = ()

    def _owner(self, module: str) -> nn.Module:
        kind, _, name = module.partition(":")
        network = self._networks[kind]
        assert network is not None
        return network.get_submodule(name)

    def _merge(self, path: Path, module: str, delta: Delta, strength: float) -> None:
        owner = self._owner(module)
        try:
            if "diff_b" in delta.tensors and getattr(owner, "bias", None) is not None:
                self._keep(module, "bias", owner)
                _put(owner, "bias", delta.merged_bias(owner.bias, strength))  # type: ignore[arg-type]
            if delta.tensors.keys() - {"diff_b", "alpha"}:
                self._keep(module, "weight", owner)
                _put(owner, "weight", delta.merged(owner.weight, strength))  # type: ignore[arg-type]
        except LoraError as error:
            raise LoraError(f"{path}: '{module}': {error}") from None

    def _keep(self, module: str, leaf: str, owner: nn.Module) -> None:
        self._kept.setdefault((module, leaf), getattr(owner, leaf).detach())


def _put(owner: nn.Module, leaf: str, tensor: Tensor) -> None:
    owner.register_parameter(leaf, nn.Parameter(tensor.detach(), requires_grad=False))
