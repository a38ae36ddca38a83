"""What a training will do, before it does anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from anima_infer.checkpoint import WeightFile
from anima_infer.checkpoint.parts import find_part
from anima_infer.model.config import AdapterConfig, DitConfig
from anima_infer.training.data.buckets import Size
from anima_infer.training.data.prepared import CutCaption, Sample, count_tokens, counted
from anima_infer.training.running.building import PREFIXES
from anima_infer.training.running.estimate import MemoryEstimate, estimate_memory, new_networks
from anima_infer.training.running.session import Session
from anima_infer.training.running.trainer import order_of_images, steps_of

SHOWN = 4
"""Samples of a plan."""


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """The plan of a training."""

    modules: tuple[tuple[str, str, int], ...]
    """Name, shape and number of trained values of each trained module."""

    memory: MemoryEstimate
    steps: int
    batches_per_epoch: int
    sizes: dict[Size, int]
    exposures: tuple[tuple[str, float], ...]
    """How often the images of each folder are seen."""

    cut: tuple[CutCaption, ...]
    samples: tuple[Sample, ...]
    """The first ones."""

    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        memory = self.memory
        return {
            "steps": self.steps,
            "batches_per_epoch": self.batches_per_epoch,
            "trained_parameters": memory.trained,
            "memory_bytes": {
                "weights": memory.weights,
                "gradients": memory.gradients,
                "optimizer": memory.optimizer,
                "activations": memory.activations,
                "peak": memory.peak,
            },
            "modules": [{"name": name, "shape": shape, "parameters": count} for name, shape, count in self.modules],
            "sizes": {f"{size.width}x{size.height}": count for size, count in self.sizes.items()},
            "exposures": dict(self.exposures),
            "cut": [{"file": str(item.path), "tokens": item.tokens} for item in self.cut],
            "samples": [
                {
                    "image": str(s.image.path),
                    "size": f"{s.image.size.width}x{s.image.size.height}",
                    "texts": list(s.texts),
                }
                for s in self.samples
            ],
            "warnings": list(self.warnings),
        }


def make_plan(session: Session) -> TrainPlan:
    """Return the plan of a training; loads no weights and encodes nothing.

    Raises:
        CheckpointError: the model's files are damaged or of another model.
        TrainingError: an image or a caption cannot be read.
        SettingsError: targets or optimizer cannot be used.
    """
    spec, (samples, _) = session.spec, session.samples()
    dit, adapter = network_sizes(session)
    trained = new_networks(spec, dit, adapter, session.dtype)
    modules = tuple(_modules(trained.changes, trained.weights))
    sizes = counted(samples)
    largest = max(sizes, key=lambda size: size.tokens)
    memory = estimate_memory(trained, spec, largest, session.dtype)
    order = order_of_images(spec, [sample.image for sample in samples])
    steps = steps_of(spec, order)
    seen = steps * spec.schedule.batch * spec.schedule.accumulate
    total = sum(order.repeats)
    exposures = tuple((str(f.path), seen * f.repeats / total) for f in spec.data.folders)
    cut = tuple(count_tokens(samples, session.encoding()))
    return TrainPlan(
        modules,
        memory,
        steps,
        order.batches_per_epoch(),
        dict(sizes),
        exposures,
        cut,
        tuple(samples[:SHOWN]),
        _warnings(session),
    )


def network_sizes(session: Session) -> tuple[DitConfig, AdapterConfig]:
    """Return the sizes of DiT and adapter, from the shapes in their files."""
    files = session.files
    assert files.dit is not None
    dit_file = WeightFile.open(files.dit)
    adapter_file = dit_file if files.adapter is None else WeightFile.open(files.adapter)
    return (
        DitConfig.from_shapes(find_part(dit_file, "dit").shapes),
        AdapterConfig.from_shapes(find_part(adapter_file, "adapter").shapes),
    )


def _modules(changes: dict[str, Any], weights: dict[str, nn.Parameter]) -> Sequence[tuple[str, str, int]]:
    found = []
    for module, change in changes.items():
        network, _, name = module.partition(":")
        shapes = " + ".join("x".join(map(str, p.shape)) for p in change.parameters())
        found.append((PREFIXES[network] + name, shapes, sum(p.numel() for p in change.parameters())))
    for name, weight in weights.items():
        if weight.requires_grad:
            found.append((name, "x".join(map(str, weight.shape)), weight.numel()))
    return found


def _warnings(session: Session) -> tuple[str, ...]:
    spec, lines = session.spec, []
    includes = " ".join(spec.method.targets.include)
    if spec.method.kind != "full" and ("llm_adapter" in includes or spec.method.targets.preset == "official"):
        lines.append("the text adapter is trained too; the model's author advises to leave it as it is")
    if spec.method.kind == "full" and spec.method.rates.adapter != 0:
        lines.append("the text adapter is trained too; the model's author advises to leave it as it is")
    if "text_encoder" in includes:
        lines.append(
            "the text encoder is trained too; few programs load such an adapter, and captions are encoded in every step"
        )
    return tuple(lines)
