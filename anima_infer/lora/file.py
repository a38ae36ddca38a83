"""A LoRA file, matched to a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from anima_infer.checkpoint import WeightFile
from anima_infer.errors import LoraError
from anima_infer.lora.deltas import Delta
from anima_infer.lora.names import Names, split_name

_SHOWN = 4


@dataclass(slots=True)
class Lora:
    """A LoRA file, matched to a model.

    Attributes:
        path: where it came from.
        deltas: by our module name (``dit:blocks.0.mlp.layer1``).
        metadata: of the file's header.
    """

    path: Path
    deltas: dict[str, Delta]
    metadata: dict[str, str]

    @classmethod
    def read(cls, path: str | Path, names: Names) -> Lora:
        """Read a file.

        Raises:
            CheckpointError: it cannot be read.
            LoraError: it is no LoRA, or one for another model.
        """
        file = WeightFile.of(path)
        deltas, strangers = matched({name: lambda name=name: file.raw(name) for name in file}, names)  # type: ignore[misc]
        if not deltas and not strangers:
            raise LoraError(
                f"{path}: holds nothing that a LoRA has; give a file with lora_down, lora_A, hada or lokr weights"
            )
        if strangers:
            shown = ", ".join(strangers[:_SHOWN]) + (", ..." if len(strangers) > _SHOWN else "")
            share = "none of its" if not deltas else f"{len(strangers)} of its"
            fit = "it seems to be for another model" if not deltas else "it may be for another version"
            raise LoraError(f"{path}: {share} modules are Anima's ({shown}); {fit}")
        for module, delta in deltas.items():
            _check_complete(Path(path), module, delta)
        return cls(Path(path), deltas, file.metadata)


def _check_complete(path: Path, module: str, delta: Delta) -> None:
    t = delta.tensors
    whole = (
        {"up", "down"} <= t.keys()
        or {"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"} <= t.keys()
        or (
            ("lokr_w1" in t or {"lokr_w1_a", "lokr_w1_b"} <= t.keys())
            and ("lokr_w2" in t or {"lokr_w2_a", "lokr_w2_b"} <= t.keys())
        )
        or not t.keys().isdisjoint(("diff", "diff_b", "set_weight"))
    )
    if not whole:
        raise LoraError(f"{path}: '{module}' has only {', '.join(sorted(t))}; the file is incomplete")
    for role, tensor in t.items():
        if not torch.isfinite(tensor.float()).all():
            raise LoraError(f"{path}: '{role}' of '{module}' holds values that are not finite; fetch the file again")


def matched(tensors: Mapping[str, Callable[[], Tensor]], names: Names) -> tuple[dict[str, Delta], list[str]]:
    """Return what fits the model, and the modules that do not."""
    deltas: dict[str, Delta] = {}
    strangers: dict[str, None] = {}
    for name, read in tensors.items():
        pieces = split_name(name)
        if pieces is None:
            strangers[name] = None
            continue
        module, role = pieces
        ours = names.find(module)
        if ours is None:
            strangers[module] = None
        else:
            deltas.setdefault(ours, Delta()).tensors[role] = read()
    return deltas, list(strangers)
