"""Optimizer steps: groups of parameters with learning rates of their own, and bf16 weights that keep small updates.

A bf16 weight has 8 bits of precision: an update below 1/512 of the weight would vanish. ``stochastic`` rounding keeps
it on average; ``compensated`` keeps what was rounded off in a second bf16 tensor and adds it the next time (Kahan).

Sources: Loshchilov and Hutter 2019 (AdamW); Shazeer and Stern 2018 (Adafactor); Zamirai et al. 2020, "Revisiting
BFloat16 Training" (both roundings).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from anima_infer.errors import SettingsError
from anima_infer.training.spec.definition import OptimizerOptions, ScheduleOptions


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that share a learning rate, by name."""

    name: str
    parameters: Mapping[str, nn.Parameter]
    rate: float


MakeOptimizer = Callable[[Sequence[nn.Parameter], float], torch.optim.Optimizer]


def optimizer_factory(options: OptimizerOptions) -> MakeOptimizer:
    """Return a function that makes the optimizer of parameters with a learning rate.

    Raises:
        SettingsError: there is no such optimizer class.
    """
    if options.kind == "adamw":
        first, second = options.betas
        return lambda parameters, rate: torch.optim.AdamW(
            parameters, lr=rate, betas=(first, second), eps=options.eps, weight_decay=options.decay
        )
    if options.kind == "adafactor":
        return lambda parameters, rate: torch.optim.Adafactor(parameters, lr=rate, weight_decay=options.decay)
    module, _, name = options.kind.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module), name)
        assert issubclass(kind, torch.optim.Optimizer)
    except (ImportError, ValueError, AttributeError, AssertionError, TypeError):
        raise SettingsError(
            f"optimizer.kind is '{options.kind}'; expected adamw, adafactor, or the dotted name of a PyTorch optimizer "
            f"class such as torch.optim.SGD"
        ) from None
    return lambda parameters, rate: kind(parameters, lr=rate, weight_decay=options.decay)


def rate_factor(step: int, options: ScheduleOptions, steps: int) -> float:
    """Return the factor of the learning rate in a step (from 0) of so many."""
    warmup = options.warmup if options.warmup >= 1 else options.warmup * steps
    if step < warmup:
        return (step + 1) / math.ceil(warmup)
    if options.kind == "constant":
        return 1.0
    progress = (step - warmup) / max(1.0, steps - warmup)
    return 1 - progress if options.kind == "linear" else 0.5 * (1 + math.cos(math.pi * progress))


class Updater:
    """Takes optimizer steps; what it needs to go on is a mapping of named tensors."""

    def __init__(self, groups: Sequence[Group], make: MakeOptimizer, *, clip: float = 0.0) -> None:
        """Start without momentum.

        Args:
            groups: parameters and learning rates.
            make: of ``optimizer_factory``.
            clip: norm that gradients are clipped to; 0: never.
        """
        self.groups, self.clip = tuple(groups), clip
        self.optimizers = [make(list(group.parameters.values()), group.rate) for group in groups]

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """All parameters by name."""
        return {name: parameter for group in self.groups for name, parameter in group.parameters.items()}

    def set_factor(self, factor: float) -> None:
        """Multiply the learning rates of the groups by a factor."""
        for group, optimizer in zip(self.groups, self.optimizers, strict=True):
            for settings in optimizer.param_groups:
                settings["lr"] = group.rate * factor

    def step(self) -> float:
        """Update the parameters and drop their gradients; return the norm of the gradients before clipping."""
        parameters = [parameter for parameter in self.parameters.values() if parameter.grad is not None]
        norm = nn.utils.clip_grad_norm_(parameters, self.clip or math.inf)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return float(norm)

    def drop_gradients(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters.values():
            parameter.grad = None

    def state(self) -> dict[str, Tensor]:
        """Return the state to save, by name."""
        tensors: dict[str, Tensor] = {}
        for group, optimizer in zip(self.groups, self.optimizers, strict=True):
            for name, parameter in group.parameters.items():
                tensors |= {f"{name}|{key}": _tensor(value) for key, value in optimizer.state[parameter].items()}
        return tensors

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore a saved state."""
        for group, optimizer in zip(self.groups, self.optimizers, strict=True):
            for name, parameter in group.parameters.items():
                found = {key.removeprefix(f"{name}|"): t for key, t in tensors.items() if key.startswith(f"{name}|")}
                optimizer.state[parameter] = {key: _moved(tensor, parameter) for key, tensor in found.items()}


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(value)


def _moved(tensor: Tensor, parameter: Tensor) -> Tensor:
    return tensor if tensor.ndim == 0 else tensor.to(parameter.device)


class RoundingUpdater(Updater):
    """Updates bf16 weights in float32, one at a time, and rounds them back so that small updates are not lost."""

    def __init__(
        self,
        groups: Sequence[Group],
        make: MakeOptimizer,
        *,
        clip: float = 0.0,
        rounding: Literal["stochastic", "compensated"] = "stochastic",
    ) -> None:
        """Start without momentum; see ``Updater``."""
        self.groups, self.clip, self.rounding = tuple(groups), clip, rounding
        self.factor = 1.0
        self.lost: dict[str, Tensor] = {}
        self.masters: dict[str, nn.Parameter] = {}
        self.by_name: dict[str, torch.optim.Optimizer] = {}
        self.rates = {name: group.rate for group in groups for name in group.parameters}
        for group in groups:
            for name, parameter in group.parameters.items():
                self.masters[name] = nn.Parameter(torch.empty(0, device=parameter.device))
                self.by_name[name] = make([self.masters[name]], group.rate)
                if rounding == "compensated":
                    self.lost[name] = torch.zeros_like(parameter)

    def set_factor(self, factor: float) -> None:
        """Multiply the learning rates of the groups by a factor."""
        self.factor = factor

    def step(self) -> float:
        """Update the weights; see ``Updater.step``."""
        found = {name: parameter for name, parameter in self.parameters.items() if parameter.grad is not None}
        norm = nn.utils.clip_grad_norm_(found.values(), self.clip or math.inf)
        for name, parameter in found.items():
            self.update(name, parameter)
        return float(norm)

    @torch.no_grad()
    def update(self, name: str, parameter: nn.Parameter) -> None:
        """Update one weight and drop its gradient."""
        assert parameter.grad is not None
        master, optimizer = self.masters[name], self.by_name[name]
        master.data = parameter.float()
        if name in self.lost:
            master.data += self.lost[name].float()
        master.grad = parameter.grad.float()
        parameter.grad = None
        for settings in optimizer.param_groups:
            settings["lr"] = self.rates[name] * self.factor
        optimizer.step()
        if name in self.lost:
            parameter.copy_(master.data)
            self.lost[name].copy_(master.data - parameter.float())
        else:
            parameter.copy_(stochastically_rounded(master.data))
        master.grad, master.data = None, torch.empty(0, device=parameter.device)

    def fuse_with_backward(self) -> list[Any]:
        """Update each weight as soon as its gradient is complete; return handles that undo it by ``remove()``."""
        return [
            parameter.register_post_accumulate_grad_hook(lambda p, name=name: self.update(name, p))
            for name, parameter in self.parameters.items()
        ]

    def state(self) -> dict[str, Tensor]:
        """Return the state to save, by name."""
        tensors = {f"{name}|lost": tensor for name, tensor in self.lost.items()}
        for name, optimizer in self.by_name.items():
            tensors |= {f"{name}|{k}": _tensor(v) for k, v in optimizer.state[self.masters[name]].items()}
        return tensors

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore a saved state."""
        by_name: dict[str, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            name, _, role = key.rpartition("|")
            by_name.setdefault(name, {})[role] = tensor
        for name, optimizer in self.by_name.items():
            found, master = by_name.get(name, {}), self.masters[name]
            if "lost" in found:
                self.lost[name] = found.pop("lost").to(master.device)
            optimizer.state[master] = {key: _moved(tensor, master) for key, tensor in found.items()}


def stochastically_rounded(x: Tensor) -> Tensor:
    """Return float32 numbers as bfloat16, rounded up or down at random so that the mean is exact.

    Random bits are added below the last bit that bfloat16 keeps, and the rest is cut off. Uses PyTorch's global
    random generator of the device.
    """
    bits = x.view(torch.int32)
    noise = torch.randint_like(bits, 0, 1 << 16)
    rounded = ((bits + noise) & -65536).view(torch.float32)
    return torch.where(torch.isfinite(x), rounded, x).to(torch.bfloat16)


def adapter_groups(
    parameters: Iterable[tuple[str, nn.Parameter, float, bool]], *, lora_plus: float = 1.0
) -> list[Group]:
    """Return groups by learning rate of (name, parameter, rate, whether LoRA+ raises it)."""
    by_rate: dict[float, dict[str, nn.Parameter]] = {}
    for name, parameter, rate, is_fast in parameters:
        by_rate.setdefault(rate * lora_plus if is_fast else rate, {})[name] = parameter
    return [Group(f"rate {rate:g}", found, rate) for rate, found in by_rate.items()]
