"""LoRA files: reading one, and matching its names to the modules of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from anima_infer.checkpoint import WeightFile
from anima_infer.errors import LoraError
from anima_infer.lora.deltas import Delta
from anima_infer.lora.names import ModuleNames, split_name

_SHOWN = 4


@dataclass(slots=True)
class Lora:
    """A LoRA file whose names are matched to the modules of a model.

    Attributes:
        path: of the file.
        deltas: by module name (``dit:blocks.0.mlp.layer1``).
        metadata: header of the file.
    """

    path: Path
    deltas: dict[str, Delta]
    metadata: dict[str, str]

    @classmethod
    def read(cls, path: str | Path, names: ModuleNames) -> Lora:
        """Read a LoRA file.

        Raises:
            CheckpointError: it cannot be read.
            LoraError: it is not a LoRA, or is for another model.
        """
        file = WeightFile.open(path)
        deltas, unknown = match_tensors({name: lambda name=name: file.raw(name) for name in file}, names)  # type: ignore[misc]
        if not deltas and not unknown:
            raise LoraError(f"{path}: is not a LoRA; pass a file with lora_down, lora_A, hada or lokr weights")
        if unknown:
            shown = ", ".join(unknown[:_SHOWN]) + (", ..." if len(unknown) > _SHOWN else "")
            count = f"{len(unknown)} module{'' if len(unknown) == 1 else 's'}" if deltas else "all modules"
            reason = "the LoRA may be for another version" if deltas else "the LoRA seems to be for another model"
            raise LoraError(f"{path}: {count} not found in Anima ({shown}); {reason}")
        for module, delta in deltas.items():
            _check_complete(Path(path), module, delta)
        return cls(Path(path), deltas, file.metadata)


def _check_complete(path: Path, module: str, delta: Delta) -> None:
    t = delta.tensors
    is_complete = (
        {"up", "down"} <= t.keys()
        or {"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"} <= t.keys()
        or (
            ("lokr_w1" in t or {"lokr_w1_a", "lokr_w1_b"} <= t.keys())
            and ("lokr_w2" in t or {"lokr_w2_a", "lokr_w2_b"} <= t.keys())
        )
        or not t.keys().isdisjoint(("diff", "diff_b", "set_weight"))
    )
    if not is_complete:
        raise LoraError(f"{path}: '{module}' has only {', '.join(sorted(t))}; the file is incomplete")
    for role, tensor in t.items():
        if not torch.isfinite(tensor.float()).all():
            raise LoraError(
                f"{path}: '{role}' of '{module}' contains values that are not finite; download the file again"
            )


def match_tensors(
    tensors: Mapping[str, Callable[[], Tensor]], names: ModuleNames
) -> tuple[dict[str, Delta], list[str]]:
    """Return the deltas by module name, and the names that belong to no module of the model."""
    deltas: dict[str, Delta] = {}
    unknown: dict[str, None] = {}
    for name, read in tensors.items():
        module_and_role = split_name(name)
        if module_and_role is None:
            unknown[name] = None
            continue
        spelling, role = module_and_role
        module = names.find(spelling)
        if module is None:
            unknown[spelling] = None
        else:
            deltas.setdefault(module, Delta()).tensors[role] = read()
    return deltas, list(unknown)
