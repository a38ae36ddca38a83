"""Comparison with the numbers of sd-scripts (commit c162e90), which may lie beside the checkout."""

from __future__ import annotations

import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from anima_infer.lora.names import spell_name
from anima_infer.model.adapter import Adapter
from anima_infer.model.config import AdapterConfig
from anima_infer.training.losses import Loss, shrink_mask
from anima_infer.training.methods.attaching import attach
from anima_infer.training.methods.changes import Change, LohaChange, LokrChange, LoraChange
from anima_infer.training.methods.targets import Targets
from anima_infer.training.networks import EncodedCaption, TrainingNetworks, empty_caption
from anima_infer.training.timesteps import TimestepSampling, sigma_table
from tests.infer.parity import load_recipe, shapes, tiny_dit

EXACT = {"atol": 0.0, "rtol": 1e-6}
GRADIENTS = 1e-5
CHANGES: dict[str, type[Change]] = {"lora": LoraChange, "loha": LohaChange, "lokr": LokrChange}


class Reference:
    """The numbers of a folder, and the networks that they were computed with."""

    def __init__(self, folder: Path) -> None:
        self.recipe = load_recipe(folder)
        self.facts: dict[str, Any] = json.loads((folder / "training.json").read_text(encoding="utf-8"))
        self.tensors = load_file(folder / "training.safetensors")

    def networks(self) -> TrainingNetworks:
        table = self.recipe.build(self.recipe.adapter_table(**self.recipe.TINY_ADAPTER))
        weights = {name.removeprefix("llm_adapter."): tensor for name, tensor in table.items()}
        adapter = Adapter(AdapterConfig.from_shapes(shapes(weights)))
        adapter.load_state_dict(weights)
        return TrainingNetworks(tiny_dit(self.recipe), adapter, context_rows=16)

    def captions(self) -> list[EncodedCaption]:
        t = self.tensors
        hidden = [rows[mask.bool()] for rows, mask in zip(t["B.prompt_embeds"], t["B.attn_mask"], strict=True)]
        ids = [row[mask.bool()] for row, mask in zip(t["B.t5_ids"], t["B.t5_mask"], strict=True)]
        return [EncodedCaption(tuple(row.tolist()), rows) for row, rows in zip(ids, hidden, strict=True)]

    def loss(
        self, networks: TrainingNetworks, raw: Tensor, noise: Tensor, sampling: TimestepSampling, **options: Any
    ) -> Tensor:
        captions, latents = options.get("captions", self.captions()), self.tensors["B.latents"]
        levels = sampling.levels(raw, tokens=20)
        share = levels.sigmas.view(-1, 1, 1, 1)
        noisy = (1 - share) * latents + share * noise
        velocity = networks.velocity(noisy, levels.timesteps, networks.contexts(captions))
        loss: Loss = options.get("loss", Loss())
        return loss.of_samples(velocity, noise - latents, levels=levels, mask=options.get("mask")).mean()


@cache
def reference(folder: Path) -> Reference:
    return Reference(folder)


def sampling_of(options: dict[str, Any]) -> TimestepSampling:
    weighting = options.get("weighting_scheme", "none")
    return TimestepSampling(
        options.get("timestep_sampling", "sigmoid"),
        scale=options.get("sigmoid_scale", 1.0),
        shift=options.get("discrete_flow_shift", 1.0),
        weighting="none" if weighting == "uniform" else weighting,
        mean=options.get("logit_mean", 0.0),
        deviation=options.get("logit_std", 1.0),
        mode_scale=options.get("mode_scale", 1.29),
        rounding="sd-scripts",
    )


def check_timesteps(folder: Path) -> None:
    ref = reference(folder)
    for shift in (1, 3):
        assert torch.equal(sigma_table(shift), ref.tensors[f"A.table.shift{shift}"])
    for case in ref.facts["A_timesteps"]:
        prefix = f"A.{case['id']}"
        raw = ref.tensors[f"{prefix}.raw"]
        if "logit_mean" in case["raw_kind"]:
            raw = (raw - case["logit_mean"]) / case["logit_std"]
        levels = sampling_of(case).levels(raw, tokens=60, dtype=getattr(torch, case["weight_dtype"]))
        torch.testing.assert_close(levels.sigmas, ref.tensors[f"{prefix}.s"], **EXACT)
        torch.testing.assert_close(levels.timesteps, ref.tensors[f"{prefix}.t_model"], **EXACT)
        torch.testing.assert_close(levels.weights, ref.tensors[f"{prefix}.weight"], **EXACT)
    bf16 = sampling_of({}).levels(ref.tensors["B.0.raw"], tokens=20, dtype=torch.bfloat16)
    assert torch.equal(bf16.timesteps, ref.tensors["B.bf16.t_model"])


@torch.no_grad()
def check_losses(folder: Path) -> None:
    ref = reference(folder)
    networks = ref.networks()
    for case in ref.facts["B_losses"]:
        if not isinstance(case["id"], int):
            continue
        given, prefix, options = case["options"], f"B.{case['id']}", {}
        if "_drop" in given:
            options["captions"] = [empty_caption(64), ref.captions()[1]]
        if "_mask" in given:
            options["mask"] = shrink_mask(ref.tensors["B.alpha_mask"], 8, 10)
        if "loss_type" in given:
            schedule = given["huber_schedule"]
            options["loss"] = Loss(given["loss_type"], 0.1, given.get("huber_scale", 1.0), schedule)
        raw, noise = ref.tensors[f"{prefix}.raw"], ref.tensors[f"{prefix}.noise"]
        loss = ref.loss(networks, raw, noise, sampling_of(given), **options)
        torch.testing.assert_close(float(loss), case["loss"], msg=lambda text, case=case: f"{case}: {text}", **EXACT)


def attach_case(networks: TrainingNetworks, name: str, case: dict[str, Any]) -> dict[str, nn.Parameter]:
    """Attach the changes of a case with the reference's weights; return its parameters by their names in files."""
    projections = {n: m for n, m in networks.dit.named_modules() if isinstance(m, nn.Linear)}
    kind, rank, alpha = name.partition("_")[0], case["network_dim"], case["network_alpha"]
    factor = {"factor": int(case["network_args"]["factor"])} if "factor" in case["network_args"] else {}
    targets = Targets().select(list(projections), rank=rank, alpha=alpha, rate=1.0)
    changes = {}
    for target in targets:
        base = projections[target.name]
        change: Any = CHANGES[kind]
        changes[target.name] = change(base.in_features, base.out_features, rank=rank, alpha=alpha, **factor)
    attach(networks.dit, changes)
    parameters, expected = {}, {}
    for module, change in changes.items():
        alpha_name = spell_name(f"dit:{module}", "alpha", "sd-scripts")
        assert float(change.saved_alpha()) == case["alpha_values"][alpha_name]
        expected[alpha_name] = [[], str(change.saved_alpha().dtype).removeprefix("torch.")]
        for role, parameter in change.named_parameters():
            key = spell_name(f"dit:{module}", role, "sd-scripts")
            source = torch.Generator().manual_seed(zlib.crc32(f"net.{key}".encode()))
            with torch.no_grad():
                parameter.copy_(torch.randn(parameter.shape, generator=source) * 0.5 / parameter.shape[-1] ** 0.5)
            parameters[key] = parameter
            expected[key] = [list(parameter.shape), "float32"]
    assert expected == case["keys"]
    return parameters


def check_changes(folder: Path) -> None:
    ref = reference(folder)
    for name, case in ref.facts["C_networks"].items():
        networks = ref.networks()
        parameters = attach_case(networks, name, case)
        loss = ref.loss(networks, ref.tensors["B.0.raw"], ref.tensors["B.0.noise"], sampling_of({}))
        loss.backward()
        torch.testing.assert_close(float(loss.detach()), case["loss"], **EXACT)
        for stored, _, norm, _ in case["grads"]:
            gradient, expected = parameters[stored.split(".grad.")[1]].grad, ref.tensors[stored]
            assert gradient is not None
            start = gradient.flatten()[: expected.numel()].view(expected.shape)
            assert float((start - expected).norm() / expected.norm()) < GRADIENTS, stored
            assert abs(float(gradient.norm()) / norm - 1) < GRADIENTS, stored
        module = networks.dit.get_submodule("blocks.0.self_attn.q_proj")
        delta = module.change.delta().detach()  # type: ignore[union-attr, operator]
        torch.testing.assert_close(delta[:4], ref.tensors[f"C.{name}.delta.rows"], atol=1e-6, rtol=1e-6)


def check_runs(folder: Path) -> None:
    ref = reference(folder)
    for name, run in ref.facts["F_trajectories"].items():
        networks = ref.networks()
        parameters = attach_case(networks, name, ref.facts["C_networks"][name])
        optimizer = torch.optim.AdamW(parameters.values(), lr=1e-3, weight_decay=0.01)
        for step, (loss_then, norm_then) in enumerate(zip(run["losses"], run["grad_norms"], strict=True)):
            sampling = TimestepSampling("shift", shift=3.0, rounding="sd-scripts")
            loss = ref.loss(networks, ref.tensors[f"F.raw.{step}"], ref.tensors[f"F.noise.{step}"], sampling)
            loss.backward()
            norm = nn.utils.clip_grad_norm_(parameters.values(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            assert abs(float(loss.detach()) / loss_then - 1) < 1e-6, (name, step)
            assert abs(float(norm) / norm_then - 1) < GRADIENTS, (name, step)
        for stored, expected in ref.tensors.items():
            if stored.startswith(f"F.{name}.final."):
                parameter = parameters[f"lora_unet_blocks_0_self_attn_q_proj.{stored.split('.final.')[1]}"]
                torch.testing.assert_close(parameter.detach(), expected, atol=1e-5, rtol=1e-5)


CHECKS = (check_timesteps, check_losses, check_changes, check_runs)
