"""Noise levels, losses, changes and gradients give the committed numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from anima_infer.models import Models
from anima_infer.training.losses import Loss
from anima_infer.training.methods.attaching import attach
from anima_infer.training.methods.changes import Change, LohaChange, LokrChange, LoraChange
from anima_infer.training.methods.targets import Targets
from anima_infer.training.networks import EncodedCaption, TrainingNetworks, empty_caption
from anima_infer.training.timesteps import Levels, TimestepSampling
from tests.infer.arithmetic import numbers
from tests.infer.training import sd_scripts

SOURCE = "sd-scripts c162e90: output of this project, rewritten only where it agrees with that program"
TOLERANCE = 2e-5


def test_noise_levels(check_numbers: Callable[..., None]) -> None:
    cases: dict[str, Tensor] = {}
    for method in ("sigma", "uniform", "sigmoid", "shift", "flux_shift"):
        for weighting in ("none", "sigma_sqrt", "cosmap", "logit_normal", "mode"):
            if weighting in ("logit_normal", "mode") and method != "sigma":
                continue
            sampling = TimestepSampling(
                method, scale=1.3, shift=3.0, weighting=weighting, mean=-0.5, deviation=1.2, rounding="sd-scripts"
            )
            raw = torch.tensor([-1.5, -0.2, 0.4, 2.0] if sampling.draws_normal else [0.0, 0.123, 0.5, 0.9996])
            if weighting == "sigma_sqrt" and method == "uniform":
                raw[0] = 0.01
            for dtype in (torch.float32, torch.bfloat16):
                levels = sampling.levels(raw, tokens=1024, dtype=dtype)
                parts = torch.stack([levels.sigmas, levels.timesteps, levels.weights])
                cases[f"{method}, {weighting}, {str(dtype).removeprefix('torch.')}"] = parts
    check_numbers(
        "timesteps",
        cases,
        tolerance=1e-6,
        about="sigmas, timesteps and weights of four random numbers",
        parity=[sd_scripts.check_timesteps],
        source=SOURCE,
    )


def test_losses(check_numbers: Callable[..., None]) -> None:
    velocity, target = numbers("velocity", (2, 4, 3, 3)), numbers("target", (2, 4, 3, 3))
    levels = Levels(torch.tensor([0.2, 0.9]), torch.tensor([0.2, 0.9]), torch.tensor([0.5, 3.0]))
    mask = numbers("mask", (2, 1, 3, 3)).abs()
    cases = {}
    for loss in (Loss(), Loss("l1"), Loss("huber"), Loss("smooth_l1", 0.3), Loss("huber", 0.1, 2.0, "exponential")):
        name = f"{loss.distance}, {loss.threshold_schedule}"
        cases[name] = loss.of_samples(velocity, target, levels=levels)
        cases[f"{name}, mask"] = loss.of_samples(velocity, target, mask=mask)
    check_numbers(
        "losses",
        cases,
        tolerance=1e-6,
        about="numbers by tests/infer/arithmetic.py",
        parity=[sd_scripts.check_losses],
        source=SOURCE,
    )


def captions() -> list[EncodedCaption]:
    return [EncodedCaption((7, 30, 2, 1), numbers("hidden", (5, 32))), empty_caption(32)]


@pytest.mark.parametrize("kind", ["lora", "loha", "lokr", "lokr_full"])
def test_changes(kind: str, models: Models, check_numbers: Callable[..., None]) -> None:
    """The loss of a batch, and its gradients, with changes that are not zero."""
    projections = {n: m for n, m in models.dit.named_modules() if isinstance(m, nn.Linear)}
    changes: dict[str, Change] = {}
    for target in Targets().select(list(projections), rank=4, alpha=2.0, rate=1.0):
        base = projections[target.name]
        sizes = (base.in_features, base.out_features)
        changes[target.name] = {
            "lora": lambda sizes=sizes: LoraChange(*sizes, rank=4, alpha=2.0),
            "loha": lambda sizes=sizes: LohaChange(*sizes, rank=4, alpha=2.0),
            "lokr": lambda sizes=sizes: LokrChange(*sizes, rank=2, alpha=1.0),
            "lokr_full": lambda sizes=sizes: LokrChange(*sizes, rank=1000, factor=4),
        }[kind]()
    attach(models.dit, changes)
    parameters = {f"{name}.{role}": p for name, c in changes.items() for role, p in c.named_parameters()}
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(numbers(name, tuple(parameter.shape)) * 0.5 / parameter.shape[-1] ** 0.5)
    networks = TrainingNetworks(models.dit, models.encoder.adapter)
    data, noise = numbers("data", (2, 16, 6, 4)), numbers("noise", (2, 16, 6, 4))
    levels = TimestepSampling().levels(torch.tensor([-0.4, 0.9]), tokens=6)
    share = levels.sigmas.view(-1, 1, 1, 1)
    noisy = (1 - share) * data + share * noise
    velocity = networks.velocity(noisy, levels.timesteps, networks.contexts(captions()))
    loss = Loss().of_samples(velocity, noise - data, levels=levels)
    loss.mean().backward()
    cases: dict[str, Tensor] = {"loss": loss, "delta": changes["blocks.0.mlp.layer1"].delta()}
    for name in ("blocks.0.self_attn.q_proj", "blocks.1.cross_attn.k_proj", "blocks.1.mlp.layer2"):
        for role, parameter in changes[name].named_parameters():
            assert parameter.grad is not None
            cases[f"{name}, {role}"] = parameter.grad * 100  # gradients of the tiny model are small
    check_numbers(
        f"training_{kind}",
        cases,
        tolerance=TOLERANCE,
        about="weights of tests/infer/tiny.py; gradients times 100",
        parity=[sd_scripts.check_changes],
        source=SOURCE,
    )
