"""The memory that a step needs, counted on the meta device: networks of the right size that have no data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from anima_infer.model.adapter import Adapter
from anima_infer.model.config import AdapterConfig, DitConfig
from anima_infer.model.dit import Dit
from anima_infer.model.layers import Rope, rope_2d
from anima_infer.training.attention import set_attention
from anima_infer.training.data.buckets import Size
from anima_infer.training.memory import MemoryMeter
from anima_infer.training.networks import EncodedCaption, TrainingNetworks
from anima_infer.training.running.building import Trained, assemble, caption_stage
from anima_infer.training.spec.definition import TrainSpec

_STATES = {"adamw": 2.0, "adafactor": 0.0}
"""Numbers that an optimizer keeps for each trained one; Adafactor keeps rows and columns alone."""

_TOKENS = 128
"""Tokens of the caption that is counted."""


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes of a training step.

    Attributes:
        weights: DiT and adapter, with what is trained.
        gradients: of what is trained.
        optimizer: what the optimizer keeps.
        activations: the rest at the peak of a step.
        trained: number of trained values.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    trained: int

    @property
    def peak(self) -> int:
        """The most that is in memory at once; kernels' own workspace is not counted."""
        return self.weights + self.gradients + self.optimizer + self.activations


def new_networks(spec: TrainSpec, dit: DitConfig, adapter: AdapterConfig, dtype: torch.dtype) -> Trained:
    """Return the networks of a training without data."""
    stored = torch.float32 if spec.method.kind == "full" and spec.method.storage == "fp32" else dtype
    with torch.device("meta"):
        inner = None if caption_stage(spec.method) == "context" else Adapter(adapter).to(stored)
        return assemble(spec, Dit(dit).to(stored), inner, None)


def estimate_memory(trained: Trained, spec: TrainSpec, size: Size, dtype: torch.dtype) -> MemoryEstimate:
    """Return the memory of a step with a batch of images of one size.

    Args:
        trained: of ``new_networks``; used up.
        spec: of the training.
        size: of the images.
        dtype: that the networks compute in.
    """
    networks, parameters = trained.networks, list(trained.updater.parameters.values())
    rope = Rope(
        *(table.to("meta") for table in rope_2d(size.height // 16, size.width // 16, networks.dit.config.head_width))
    )
    networks.dit._rope = lambda *_: rope  # type: ignore[method-assign]  # noqa: SLF001  tables are made on the CPU
    meter = MemoryMeter()
    for network in networks.trained:
        set_attention(network, _fused)
        for parameter in network.parameters():
            meter.count(parameter)
    weights = meter.current
    batch = spec.schedule.batch
    with meter, torch.autocast("cpu", dtype, enabled=False):
        captions = [_caption(networks, dtype)] * batch
        noisy = torch.zeros(batch, 16, size.height // 8, size.width // 8, device="meta")
        contexts = networks.contexts(captions)
        networks.velocity(noisy, torch.zeros(batch, device="meta"), contexts).square().mean().backward()
    gradients = sum(parameter.numel() * parameter.element_size() for parameter in parameters)
    optimizer = _optimizer_bytes(trained, spec)
    freed = gradients if spec.optimizer.fused_backward else 0
    activations = max(0, meter.peak - weights - gradients)
    return MemoryEstimate(weights, gradients - freed, optimizer, activations, sum(p.numel() for p in parameters))


def _caption(networks: TrainingNetworks, dtype: torch.dtype) -> EncodedCaption:
    ids = tuple(range(_TOKENS))
    if networks.adapter is None:
        width = networks.dit.config.context_width
        return EncodedCaption(ids, context=torch.zeros(_TOKENS, width, device="meta", dtype=dtype))
    width = networks.adapter.config.source_width
    return EncodedCaption(ids, hidden=torch.zeros(_TOKENS, width, device="meta", dtype=dtype))


def _optimizer_bytes(trained: Trained, spec: TrainSpec) -> int:
    count = sum(parameter.numel() for parameter in trained.updater.parameters.values())
    factor = _STATES.get(spec.optimizer.kind, 2.0)
    lost = 2 * count if spec.method.kind == "full" and spec.method.rounding == "compensated" else 0
    return math.ceil(factor * 4 * count) + lost


def _fused(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """Return attention that is counted as fused kernels save it: never the scores."""
    kernels = torch.ops.aten
    if mask is None:
        results = kernels._scaled_dot_product_flash_attention(queries, keys, values)  # noqa: SLF001
    else:
        shape = (*queries.shape[:3], keys.shape[2])
        bias = torch.zeros((), device="meta", dtype=queries.dtype) if mask.dtype is torch.bool else mask
        results = kernels._scaled_dot_product_efficient_attention(  # noqa: SLF001
            queries, keys, values, bias.expand(shape), compute_log_sumexp=True
        )
    mixed: Tensor = results[0]
    return mixed
