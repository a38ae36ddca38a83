"""The networks of a training: loaded, frozen, and with what is trained put on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anima_infer.checkpoint import WeightFile, load_adapter, load_dit, load_text_encoder
from anima_infer.errors import SettingsError
from anima_infer.files import ModelFiles
from anima_infer.model.adapter import Adapter
from anima_infer.model.dit import Dit
from anima_infer.model.layers import AttentionFunction
from anima_infer.model.text import TextEncoder
from anima_infer.training.attention import attend, set_attention
from anima_infer.training.memory import checkpoint_blocks
from anima_infer.training.methods.attaching import attach
from anima_infer.training.methods.changes import Change, Dropout, LohaChange, LokrChange, LoraChange
from anima_infer.training.methods.full import rates_of
from anima_infer.training.methods.targets import PRESETS, Target, TargetRule, Targets
from anima_infer.training.networks import TrainingNetworks
from anima_infer.training.spec.definition import MethodOptions, TrainSpec
from anima_infer.training.updates import ParameterGroup, RoundingUpdater, Updater, adapter_groups, optimizer_factory

PREFIXES = {"adapter": "llm_adapter.", "text": "text_encoder.", "dit": ""}
"""Before the names of modules in specifications, by network."""


@dataclass(slots=True)
class Trained:
    """Networks and what is trained of them."""

    networks: TrainingNetworks
    updater: Updater
    changes: dict[str, Change]
    """By our names of modules (``dit:…``); empty in full fine-tuning."""

    weights: dict[str, nn.Parameter]
    """All weights of DiT and adapter by the release's names, in full fine-tuning."""


def choose_targets(method: MethodOptions, names: list[str], rate: float) -> list[Target]:
    """Return the projections that get an adapter.

    Raises:
        SettingsError: a pattern is wrong, or nothing is left.
    """
    options = method.targets
    rules = tuple(TargetRule(r.match, r.rank, r.alpha, r.rate) for r in options.rules)
    targets = Targets(options.preset, options.include, options.exclude, rules)
    return targets.select(names, rank=method.rank, alpha=method.alpha, rate=rate)


def projection_names(
    dit: nn.Module, adapter: nn.Module | None, text: nn.Module | None
) -> dict[str, tuple[str, nn.Linear]]:
    """Return every projection by its name in specifications, with its network's name."""
    found: dict[str, tuple[str, nn.Linear]] = {}
    for network, module in (("dit", dit), ("adapter", adapter), ("text", text)):
        for name, inner in () if module is None else module.named_modules():
            if isinstance(inner, nn.Linear):
                found[PREFIXES[network] + name] = (network, inner)
    return found


def caption_stage(method: MethodOptions) -> Literal["ids", "hidden", "context"]:
    """Return how far captions can be encoded before training: up to the first network that is trained."""
    if method.kind == "full":
        return "context" if method.rates.adapter == 0 else "hidden"
    patterns = (*method.targets.include, PRESETS[method.targets.preset])
    if any("text_encoder" in pattern for pattern in method.targets.include):
        return "ids"
    return "hidden" if any("llm_adapter" in pattern for pattern in patterns) else "context"


def new_change(target: Target, projection: nn.Linear, method: MethodOptions) -> Change:
    """Return the change of a projection at its start."""
    sizes = (projection.in_features, projection.out_features)
    dropout = Dropout(method.dropout, method.rank_dropout, method.module_dropout)
    if method.kind == "lokr":
        return LokrChange(*sizes, rank=target.rank, alpha=target.alpha, factor=method.factor, dropout=dropout)
    kind = LoraChange if method.kind == "lora" else LohaChange
    return kind(*sizes, rank=target.rank, alpha=target.alpha, dropout=dropout)


def build(spec: TrainSpec, files: ModelFiles, *, device: torch.device, dtype: torch.dtype) -> Trained:
    """Load the networks, freeze them, and put on what is trained.

    Raises:
        CheckpointError: a file is missing, damaged or of another model.
        SettingsError: targets, optimizer or attention cannot be used.
    """
    assert files.dit is not None and files.text is not None
    is_full = spec.method.kind == "full"
    stored = torch.float32 if is_full and spec.method.storage == "fp32" else dtype
    if is_full and spec.method.storage == "bf16":
        stored = torch.bfloat16
    dit_file = WeightFile.open(files.dit)
    dit = load_dit(dit_file, dtype=stored, device=device)
    stage = caption_stage(spec.method)
    adapter = text = None
    if stage != "context":
        adapter_file = dit_file if files.adapter is None else WeightFile.open(files.adapter)
        adapter = load_adapter(adapter_file, dtype=stored, device=device)
    if stage == "ids":
        text = load_text_encoder(WeightFile.open(files.text), dtype=dtype, device=device)
    return assemble(spec, dit, adapter, text)


def assemble(spec: TrainSpec, dit: Dit, adapter: Adapter | None, text: TextEncoder | None) -> Trained:
    """Freeze networks, and put on what is trained; start values depend on the seed alone."""
    networks = TrainingNetworks(dit, adapter, text)
    for network in networks.trained:
        network.requires_grad_(requires_grad=False)
    _set_attention(networks, spec.model.attention)
    torch.manual_seed(spec.seed)
    trained = _full(spec, networks) if spec.method.kind == "full" else _adapters(spec, networks)
    if spec.memory.checkpointing:
        checkpoint_blocks(dit)
    return trained


def _adapters(spec: TrainSpec, networks: TrainingNetworks) -> Trained:
    inner_text = None if networks.text is None else networks.text.model
    projections = projection_names(networks.dit, networks.adapter, inner_text)
    targets = choose_targets(spec.method, list(projections), spec.optimizer.rate)
    changes: dict[str, Change] = {}
    by_network: dict[str, dict[str, Change]] = {"dit": {}, "adapter": {}, "text": {}}
    parameters: list[tuple[str, nn.Parameter, float, bool]] = []
    for target in targets:
        network, projection = projections[target.name]
        change = new_change(target, projection, spec.method)
        name = target.name.removeprefix(PREFIXES[network])
        changes[f"{network}:{name}"] = by_network[network][name] = change
        parameters += [
            (f"{network}:{name}.{r}", p, target.rate, r in change.fast) for r, p in change.named_parameters()
        ]
    attach(networks.dit, by_network["dit"])
    if networks.adapter is not None:
        attach(networks.adapter, by_network["adapter"])
    if inner_text is not None:
        attach(inner_text, by_network["text"])
    groups = adapter_groups(parameters, lora_plus=spec.optimizer.lora_plus)
    updater = Updater(groups, optimizer_factory(spec.optimizer), clip=spec.optimizer.clip)
    return Trained(networks, updater, changes, {})


def _full(spec: TrainSpec, networks: TrainingNetworks) -> Trained:
    weights = dict(networks.dit.named_parameters())
    if networks.adapter is not None:
        weights |= {f"llm_adapter.{name}": weight for name, weight in networks.adapter.named_parameters()}
    rates = rates_of(weights, spec.method.rates, spec.optimizer.rate)
    if not rates:
        raise SettingsError("method.rates: every part is frozen; leave one above 0")
    by_rate: dict[float, dict[str, nn.Parameter]] = {}
    for name, rate in rates.items():
        weights[name].requires_grad_()
        by_rate.setdefault(rate, {})[name] = weights[name]
    groups = [ParameterGroup(f"rate {rate:g}", found, rate) for rate, found in by_rate.items()]
    make, clip = optimizer_factory(spec.optimizer), spec.optimizer.clip
    if spec.method.storage == "bf16":
        updater: Updater = RoundingUpdater(groups, make, clip=clip, rounding=spec.method.rounding)
    else:
        updater = Updater(groups, make, clip=clip)
    return Trained(networks, updater, {}, weights)


def _set_attention(networks: TrainingNetworks, kind: str) -> None:
    attention: AttentionFunction = F.scaled_dot_product_attention
    if kind == "auto":
        attention = attend
    elif kind == "flash":
        attention = _flash()
    for network in networks.trained:
        set_attention(network, attention)


def _flash() -> AttentionFunction:
    try:
        from flash_attn import flash_attn_func
    except ImportError as error:
        broken = f"cannot be imported ({' '.join(str(error).split())})"
        state = "is not installed" if error.name == "flash_attn" else broken
        raise SettingsError(f"model.attention is 'flash', but flash-attn {state}; install it, or take torch") from None

    def attend_fast(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        if mask is not None:
            return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        mixed: Tensor = flash_attn_func(*(tensor.transpose(1, 2) for tensor in (queries, keys, values)))
        return mixed.transpose(1, 2)

    return attend_fast
