"""Checkpointed blocks give the same gradients; the counted memory is what tensors take."""

from __future__ import annotations

import pytest
import torch

from anima_infer.model.config import AdapterConfig, DitConfig
from anima_infer.models import Models
from anima_infer.training.data.buckets import Size
from anima_infer.training.memory import MemoryMeter, checkpoint_blocks
from anima_infer.training.networks import TrainingNetworks
from anima_infer.training.running.estimate import estimate_memory, new_networks
from anima_infer.training.spec.reader import spec_from_dict
from tests.infer.arithmetic import numbers
from tests.infer.training.spec.test_reader import SMALLEST
from tests.infer.training.test_numbers import captions


def test_a_meter_counts_what_is_alive() -> None:
    meter = MemoryMeter()
    x = torch.zeros(1000, device="meta")
    with meter:
        y = x + 1
        z = y * 2
        del y
        view = z.view(10, 100)
        del z
        assert (meter.current, meter.peak) == (4000, 8000)
        del view
    assert meter.current == 0


def test_checkpointing_changes_no_gradient(models: Models) -> None:
    models.dit.requires_grad_()
    networks, gradients = TrainingNetworks(models.dit, models.encoder.adapter), []
    for is_checkpointed in (False, True):
        if is_checkpointed:
            checkpoint_blocks(models.dit)
        models.dit.zero_grad(set_to_none=True)
        contexts = networks.contexts(captions())
        networks.velocity(numbers("x", (2, 16, 6, 4)), torch.tensor([0.3, 0.8]), contexts).square().mean().backward()
        gradients.append({name: p.grad.clone() for name, p in models.dit.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient)


@pytest.mark.parametrize(
    ("memory", "low", "high"), [({"checkpointing": True}, 5.0, 5.7), ({"checkpointing": False}, 16.0, 18.0)]
)
def test_the_release_at_a_megapixel(memory: dict[str, bool], low: float, high: float) -> None:
    """Rank 32, batch 1, bf16."""
    spec = spec_from_dict({**SMALLEST, "memory": memory})
    trained = new_networks(spec, DitConfig(), AdapterConfig(), torch.bfloat16)
    estimate = estimate_memory(trained, spec, Size(1024, 1024), torch.bfloat16)
    assert estimate.trained == 45_875_200
    assert low < estimate.peak / 1e9 < high
    assert estimate.optimizer == 2 * 4 * estimate.trained
