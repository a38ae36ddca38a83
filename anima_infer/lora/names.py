"""What LoRA files call the modules of the model; knows no tensors."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from anima_infer.checkpoint.diffusers_names import diffusers_dit_name
from anima_infer.checkpoint.parts import ADAPTER

ROLES: dict[str, tuple[str, ...]] = {
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
_SUFFIXES = sorted(((end, role) for role, ends in ROLES.items() for end in ends), key=lambda pair: -len(pair[0]))


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


def split_name(name: str) -> tuple[str, str] | None:
    """Return module and role of a name in a LoRA file, None if it is no such name.

    >>> split_name("diffusion_model.blocks.0.mlp.layer1.lora_A.weight")
    ('diffusion_model.blocks.0.mlp.layer1', 'down')
    """
    return next(((name[: -len(end)], role) for end, role in _SUFFIXES if name.endswith(end)), None)


def spelt(ours: str, role: str, to: str) -> str:
    """Return the name of a module's tensor in the form ``sd-scripts`` or ``comfyui``."""
    kind, _, module = ours.partition(":")
    inner = ADAPTER + module if kind == "adapter" else module
    if to == "sd-scripts":
        stem = f"lora_te_{module.replace('.', '_')}" if kind == "text" else f"lora_unet_{inner.replace('.', '_')}"
        return stem + ROLES[role][0]
    stem = f"text_encoders.qwen3_06b.transformer.model.{module}" if kind == "text" else f"diffusion_model.{inner}"
    return stem + (ROLES[role][1] if role in ("down", "up") else ROLES[role][0])


def generic_names(most: int = 64) -> Names:
    """Return the names of the release's modules for as many blocks as a file may speak of, without a model."""
    from anima_infer.model.adapter import Adapter
    from anima_infer.model.config import AdapterConfig, DitConfig
    from anima_infer.model.dit import Dit

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
