"""States to resume from: one file with trained tensors, the optimizer's, and the position; written atomically."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from anima_infer.errors import TrainingError
from anima_infer.training.spec.definition import TrainSpec
from anima_prompt.atomic import atomic_path

FREE = ("output", "previews", "validation", "memory")
"""Sections that may change between two parts of a training."""


@dataclass(frozen=True, slots=True)
class TrainingState:
    """Where a training stands."""

    step: int
    spec: dict[str, Any]
    data: str
    """Digest of samples and their order."""

    tensors: dict[str, Tensor]


def spec_record(spec: TrainSpec) -> dict[str, Any]:
    """Return a specification as plain values, as files keep it."""
    record: dict[str, Any] = json.loads(json.dumps(asdict(spec), default=str))
    return record


def save_state(path: Path, state: TrainingState) -> None:
    """Write a state.

    Raises:
        TrainingError: it cannot be written.
    """
    record = {"step": state.step, "spec": state.spec, "data": state.data}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors.items()}
    try:
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, {"training": json.dumps(record)})
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise TrainingError(f"{path}: cannot be written ({reason}); free some space, then --resume") from None


def load_state(path: Path) -> TrainingState:
    """Return a saved state.

    Raises:
        TrainingError: it is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            record = json.loads(file.metadata()["training"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
        return TrainingState(int(record["step"]), record["spec"], str(record["data"]), tensors)
    except FileNotFoundError:
        raise TrainingError(f"{path}: does not exist; there is nothing to resume, run without --resume") from None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:100]
        raise TrainingError(f"{path}: cannot be read ({reason}); delete it, or restore it from a backup") from None


def check_same_training(path: Path, saved: TrainingState, spec: TrainSpec, data: str) -> None:
    """Raise TrainingError where a state belongs to another training: other options, other data."""
    now = spec_record(spec)
    changed = [
        name
        for section in now
        if section not in FREE
        for name in _differences(saved.spec.get(section), now[section], section)
        if name not in ("schedule.steps", "schedule.epochs", "data.cache", "model.device")
    ]
    if changed:
        raise TrainingError(
            f"{path}: was saved with other options ({', '.join(changed[:4])}); restore them to resume, or pass "
            f"--overwrite"
        )
    if saved.data != data:
        raise TrainingError(
            f"{path}: was saved with other images or captions; restore them to resume, or pass --overwrite"
        )


def _differences(before: Any, after: Any, name: str) -> list[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = [*before, *(key for key in after if key not in before)]
        return [path for key in keys for path in _differences(before.get(key), after.get(key), f"{name}.{key}")]
    return [] if before == after else [name]
