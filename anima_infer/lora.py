"""LoRA, LoHa, LoKr, DoRA and full differences: reading every spelling of their names, and merging them into weights.

A name in a file is matched against the names that the model's own modules can have in each format; nothing is guessed
by replacing characters, since underscores stand for dots and for themselves. What matches nothing is an error.

Source: ComfyUI 0.29.0; Hu et al. 2021, Yeh et al. 2023 (LyCORIS), Liu et al. 2024 (DoRA).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from anima_infer.checkpoint import WeightFile, diffusers_dit_name
from anima_infer.errors import LoraError

ADAPTER = "llm_adapter."
_ROLES: dict[str, tuple[str, ...]] = {
    "down": (
        ".lora_down.weight",
        ".lora_A.weight",
        ".lora_A.default.weight",
        "_lora.down.weight",
        ".lora.down.weight",
        ".lora_linear_layer.down.weight",
        ".lora_A",
    ),
    "up": (
        ".lora_up.weight",
        ".lora_B.weight",
        ".lora_B.default.weight",
        "_lora.up.weight",
        ".lora.up.weight",
        ".lora_linear_layer.up.weight",
        ".lora_B",
    ),
    "alpha": (".alpha",),
    "dora_scale": (".dora_scale", ".lora_magnitude_vector.weight", ".lora_magnitude_vector.default.weight"),
    **{name: (f".{name}",) for name in ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2")},
    **{
        name: (f".{name}",)
        for name in ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2")
    },
    "diff": (".diff", ".w_norm"),
    "diff_b": (".diff_b", ".b_norm"),
    "set_weight": (".set_weight",),
    "mid": (".lora_mid.weight",),
    "reshape_weight": (".reshape_weight",),
}
_SUFFIXES = sorted(((end, role) for role, ends in _ROLES.items() for end in ends), key=lambda pair: -len(pair[0]))
_SHOWN = 4
_EPS = 1e-12


class Names:
    """Every name that a module can have in a LoRA file, and ours: ``dit:M``, ``adapter:M`` or ``text:M``."""

    def __init__(self, dit: Iterable[str], adapter: Iterable[str] = (), text: Iterable[str] = ()) -> None:
        """Take the names of the modules that hold weights."""
        self.ours: dict[str, str] = {}
        for module in dit:
            self._add(f"dit:{module}", _dit_names(module))
        for module in adapter:
            inner = ADAPTER + module
            self._add(f"adapter:{module}", [*_dit_names(inner), f"text_conditioner.{module}"])
        for module in text:
            stems = ("text_encoders.qwen3_06b.transformer.model.", "text_encoders.transformer.model.", "text_encoder.")
            flat = module.replace(".", "_")
            self._add(f"text:{module}", [*(stem + module for stem in stems), f"lora_te_{flat}", f"lora_te1_{flat}"])

    @classmethod
    def of(cls, dit: nn.Module, adapter: nn.Module | None = None, text: nn.Module | None = None) -> Names:
        """Take the names from networks."""
        return cls(_modules(dit), _modules(adapter), _modules(text))

    def _add(self, ours: str, theirs: Iterable[str]) -> None:
        for name in theirs:
            self.ours[name] = ours

    def find(self, name: str) -> str | None:
        """Return our name of a module, None if it is none of the model's."""
        for stem in ("", "base_model.model.", "base_model.model.model."):
            if name.startswith(stem) and name[len(stem) :] in self.ours:
                return self.ours[name[len(stem) :]]
        return None


def _modules(network: nn.Module | None) -> list[str]:
    if network is None:
        return []
    return [name for name, module in network.named_modules() if any(True for _ in module.parameters(recurse=False))]


def _dit_names(module: str) -> list[str]:
    return [
        f"lora_unet_{module.replace('.', '_')}",
        f"diffusion_model.{module}",
        f"model.diffusion_model.{module}",
        f"net.{module}",
        module,
        f"transformer.{diffusers_dit_name(module)}",
    ]


@dataclass(slots=True)
class Delta:
    """What one LoRA says of one module: tensors by role."""

    tensors: dict[str, Tensor] = field(default_factory=dict)

    @property
    def rank(self) -> int | None:
        """Inner size, None where there is none."""
        t = self.tensors
        if "down" in t:
            return t["down"].shape[0]
        if "hada_w1_b" in t:
            return t["hada_w1_b"].shape[0]
        inner = t.get("lokr_w2_b", t.get("lokr_w1_b"))
        return None if inner is None else inner.shape[0]

    @property
    def alpha(self) -> float | None:
        """The scale's numerator, None where the file has none."""
        return float(self.tensors["alpha"]) if "alpha" in self.tensors else None

    @property
    def scale(self) -> float:
        """Alpha / rank, 1 where either is missing."""
        return self.alpha / self.rank if self.alpha is not None and self.rank else 1.0

    @property
    def kind(self) -> str:
        """LoRA, LoHa, LoKr or difference; with DoRA's magnitude where there is one."""
        t = self.tensors
        name = (
            "LoRA"
            if "up" in t
            else "LoHa"
            if "hada_w1_a" in t
            else "LoKr"
            if any("lokr" in k for k in t)
            else "difference"
        )
        return f"{name} with DoRA" if "dora_scale" in t else name

    def change(self, shape: torch.Size) -> Tensor:
        """Return the change of the weight before strength and scale, float32, in the weight's shape."""
        t = {role: tensor.float() for role, tensor in self.tensors.items()}
        if "up" in t:
            down = t["down"].flatten(1)
            if "mid" in t:
                raise LoraError("a convolution LoRA with a middle part; Anima has no convolutions to put it on")
            return (t["up"].flatten(1) @ down).reshape(shape)
        if "hada_w1_a" in t:
            if "hada_t1" in t:
                raise LoraError("a LoHa for convolutions; Anima has no convolutions to put it on")
            return ((t["hada_w1_a"] @ t["hada_w1_b"]) * (t["hada_w2_a"] @ t["hada_w2_b"])).reshape(shape)
        if "lokr_t2" in t:
            raise LoraError("a LoKr for convolutions; Anima has no convolutions to put it on")
        one = t["lokr_w1"] if "lokr_w1" in t else t["lokr_w1_a"] @ t["lokr_w1_b"]
        two = t["lokr_w2"] if "lokr_w2" in t else t["lokr_w2_a"] @ t["lokr_w2_b"]
        return torch.kron(one.contiguous(), two.contiguous()).reshape(shape)

    def merged(self, weight: Tensor, strength: float) -> Tensor:
        """Return a weight with this on it, in the weight's type.

        Raises:
            LoraError: sizes do not fit.
        """
        base = weight.float()
        t = self.tensors
        try:
            if "set_weight" in t:
                return t["set_weight"].to(weight)
            if "diff" in t:
                return (base + strength * t["diff"].to(base.device).float().reshape(base.shape)).to(weight.dtype)
            change = self.change(base.shape).to(base.device) * self.scale
            if "dora_scale" not in t:
                return (base + strength * change).to(weight.dtype)
            full = _with_magnitude(base, base + change, t["dora_scale"].to(base.device).float())
        except (RuntimeError, KeyError) as error:
            reason = " ".join(str(error).split())[:100]
            raise LoraError(f"sizes do not fit a weight of {tuple(weight.shape)} ({reason})") from None
        return (full if strength == 1 else base + strength * (full - base)).to(weight.dtype)

    def merged_bias(self, bias: Tensor, strength: float) -> Tensor:
        """Return a bias with this on it."""
        return (bias.float() + strength * self.tensors["diff_b"].to(bias.device).float()).to(bias.dtype)


def _with_magnitude(base: Tensor, changed: Tensor, magnitude: Tensor) -> Tensor:
    """Return V scaled to DoRA's magnitude.

    Along the output axis the norm is that of the original weight, as ComfyUI has it, not that of V.
    """
    eps = torch.finfo(torch.float32).eps
    if magnitude.shape[0] == base.shape[0]:
        norm = base.flatten(1).norm(dim=1).reshape(-1, *[1] * (base.ndim - 1)) + eps
    else:
        norm = changed.transpose(0, 1).flatten(1).norm(dim=1).reshape(1, -1, *[1] * (base.ndim - 2)) + eps
    return changed * (magnitude / norm)


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


def split_name(name: str) -> tuple[str, str] | None:
    """Return module and role of a name in a LoRA file, None if it is no such name.

    >>> split_name("diffusion_model.blocks.0.mlp.layer1.lora_A.weight")
    ('diffusion_model.blocks.0.mlp.layer1', 'down')
    """
    return next(((name[: -len(end)], role) for end, role in _SUFFIXES if name.endswith(end)), None)


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


class Merger:
    """Merges LoRAs into networks and takes them out again; the touched weights are kept."""

    def __init__(self, dit: nn.Module, adapter: nn.Module | None = None, text: nn.Module | None = None) -> None:
        """Take the networks; ``text`` is the inner transformers model."""
        self._networks = {"dit": dit, "adapter": adapter, "text": text}
        self.names = Names.of(dit, adapter, text)
        self._kept: dict[tuple[str, str], Tensor] = {}
        self.active: tuple[tuple[Path, float, float], ...] = ()

    def read(self, path: str | Path) -> Lora:
        """Read a LoRA file.

        Raises:
            CheckpointError: it cannot be read.
            LoraError: it does not fit.
        """
        return Lora.read(path, self.names)

    def apply(self, loras: Iterable[tuple[Lora, float, float]]) -> None:
        """Make these LoRAs the active ones, in order, whatever was active before.

        Args:
            loras: each with its strength on the DiT and adapter, and its strength on the text encoder.

        Raises:
            LoraError: one does not fit; nothing is active then.
        """
        chosen = list(loras)
        wanted = tuple((lora.path, strength, text) for lora, strength, text in chosen)
        if wanted == self.active:
            return
        self.clear()
        try:
            for lora, strength, text in chosen:
                for module, delta in lora.deltas.items():
                    kind = module.partition(":")[0]
                    self._merge(lora.path, module, delta, text if kind == "text" else strength)
        except LoraError:
            self.clear()
            raise
        self.active = wanted

    def clear(self) -> None:
        """Put every weight back as it was, to the bit."""
        for (module, leaf), tensor in self._kept.items():
            _put(self._owner(module), leaf, tensor)
        self._kept.clear()
        self.active = ()

    def _owner(self, module: str) -> nn.Module:
        kind, _, name = module.partition(":")
        network = self._networks[kind]
        assert network is not None
        return network.get_submodule(name)

    def _merge(self, path: Path, module: str, delta: Delta, strength: float) -> None:
        owner = self._owner(module)
        try:
            if "diff_b" in delta.tensors and getattr(owner, "bias", None) is not None:
                self._keep(module, "bias", owner)
                _put(owner, "bias", delta.merged_bias(owner.bias, strength))  # type: ignore[arg-type]
            if delta.tensors.keys() - {"diff_b", "alpha"}:
                self._keep(module, "weight", owner)
                _put(owner, "weight", delta.merged(owner.weight, strength))  # type: ignore[arg-type]
        except LoraError as error:
            raise LoraError(f"{path}: '{module}': {error}") from None

    def _keep(self, module: str, leaf: str, owner: nn.Module) -> None:
        self._kept.setdefault((module, leaf), getattr(owner, leaf).detach())


def _put(owner: nn.Module, leaf: str, tensor: Tensor) -> None:
    owner.register_parameter(leaf, nn.Parameter(tensor.detach(), requires_grad=False))


# --- other jobs on files ---------------------------------------------------------------------------------------------


def converted(tensors: Mapping[str, Tensor], to: str) -> dict[str, Tensor]:
    """Return a LoRA's tensors under the names of another program.

    Args:
        tensors: of a LoRA file.
        to: ``sd-scripts`` or ``comfyui`` (also diffusion-pipe).

    Raises:
        LoraError: a name is not Anima's, or the form is unknown.
    """
    if to not in ("sd-scripts", "comfyui"):
        raise LoraError(f"form is '{to}'; expected sd-scripts or comfyui")
    names = generic_names()
    made: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        pieces = split_name(name)
        ours = names.find(pieces[0]) if pieces else None
        if pieces is None or ours is None:
            raise LoraError(f"'{name}' is no weight of a LoRA for Anima; nothing was converted")
        made[_spelt(ours, pieces[1], to)] = tensor
    return made


def _spelt(ours: str, role: str, to: str) -> str:
    kind, _, module = ours.partition(":")
    inner = ADAPTER + module if kind == "adapter" else module
    if to == "sd-scripts":
        stem = f"lora_te_{module.replace('.', '_')}" if kind == "text" else f"lora_unet_{inner.replace('.', '_')}"
        return stem + _ROLES[role][0]
    stem = f"text_encoders.qwen3_06b.transformer.model.{module}" if kind == "text" else f"diffusion_model.{inner}"
    return stem + (_ROLES[role][1] if role in ("down", "up") else _ROLES[role][0])


def generic_names(most: int = 64) -> Names:
    """Return the names of the release's modules for as many blocks as a file may speak of, without a model."""
    from anima_infer.adapter import Adapter
    from anima_infer.config import AdapterConfig, DitConfig
    from anima_infer.dit import Dit

    with torch.device("meta"):
        one = Dit(DitConfig(width=256, blocks=1, heads=2, context_width=8, adaln_width=8, mlp_width=8))
        small = Adapter(AdapterConfig(width=16, blocks=1, heads=2, source_width=16, target_width=16, vocabulary=8))
    dit = _repeated(_modules(one), "blocks.0.", most)
    adapter = _repeated([*_modules(small), "in_proj"], "blocks.0.", most)
    layer = [f"self_attn.{leaf}" for leaf in ("q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm")]
    layer += [f"mlp.{leaf}" for leaf in ("gate_proj", "up_proj", "down_proj")]
    layer += ["input_layernorm", "post_attention_layernorm"]
    text = [f"layers.{i}.{leaf}" for i in range(most) for leaf in layer]
    return Names(dit, adapter, [*text, "embed_tokens", "norm"])


def _repeated(modules: Iterable[str], first: str, count: int) -> list[str]:
    found = []
    for name in modules:
        found += [name.replace(first, f"blocks.{i}.", 1) for i in range(count)] if name.startswith(first) else [name]
    return found


def extracted(base: Mapping[str, Tensor], tuned: Mapping[str, Tensor], rank: int) -> dict[str, Tensor]:
    """Return the best LoRA of a rank for the difference of two models' matrices (truncated SVD), in ComfyUI's names.

    Raises:
        LoraError: the models have different weights, or no difference.
    """
    if base.keys() != tuned.keys():
        raise LoraError("the two models have different weights; give two of the same size")
    made: dict[str, Tensor] = {}
    for name, weight in base.items():
        if weight.ndim != 2 or not name.endswith(".weight"):
            continue
        difference = tuned[name].float() - weight.float()
        if not difference.any():
            continue
        u, s, v = torch.svd_lowrank(difference, q=min(rank + 8, *difference.shape), niter=4)
        keep = min(rank, len(s))
        stem = f"diffusion_model.{name.removesuffix('.weight')}"
        made[f"{stem}.lora_B.weight"] = (u[:, :keep] * s[:keep].sqrt()).contiguous()
        made[f"{stem}.lora_A.weight"] = (v[:, :keep] * s[:keep].sqrt()).T.contiguous()
    if not made:
        raise LoraError("the two models do not differ; there is nothing to extract")
    return made
