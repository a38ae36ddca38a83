"""Names of the model's modules in LoRA files, in every program's spelling; knows no tensors."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from anima_infer.checkpoint.diffusers_names import diffusers_dit_name
from anima_infer.checkpoint.prefixes import ADAPTER

ROLES: dict[str, tuple[str, ...]] = {  # role to the suffixes that it has in files, sd-scripts' first
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
_SUFFIXES = sorted(
    ((suffix, role) for role, suffixes in ROLES.items() for suffix in suffixes), key=lambda pair: -len(pair[0])
)
_MOST_BLOCKS = 64
"""Blocks for which names are made where no model says how many it has."""


class ModuleNames:
    """Every spelling of a module's name in LoRA files, and our name: ``dit:M``, ``adapter:M`` or ``text:M``."""

    def __init__(self, dit: Iterable[str], adapter: Iterable[str] = (), text: Iterable[str] = ()) -> None:
        """Use the names of the modules that have weights, by network."""
        self.modules: dict[str, str] = {}
        for module in dit:
            self._add(f"dit:{module}", _dit_spellings(module))
        for module in adapter:
            self._add(f"adapter:{module}", [*_dit_spellings(ADAPTER + module), f"text_conditioner.{module}"])
        for module in text:
            prefixes = (
                "text_encoders.qwen3_06b.transformer.model.",
                "text_encoders.transformer.model.",
                "text_encoder.",
            )
            flat = module.replace(".", "_")
            spellings = [*(prefix + module for prefix in prefixes), f"lora_te_{flat}", f"lora_te1_{flat}"]
            self._add(f"text:{module}", spellings)

    @classmethod
    def from_networks(
        cls, dit: nn.Module, adapter: nn.Module | None = None, text: nn.Module | None = None
    ) -> ModuleNames:
        """Use the names of these networks' modules."""
        return cls(_modules(dit), _modules(adapter), _modules(text))

    def _add(self, module: str, spellings: Iterable[str]) -> None:
        for spelling in spellings:
            self.modules[spelling] = module

    def find(self, spelling: str) -> str | None:
        """Return our name of a module; None if the model has no such module."""
        for prefix in ("", "base_model.model.", "base_model.model.model."):
            if spelling.startswith(prefix) and spelling[len(prefix) :] in self.modules:
                return self.modules[spelling[len(prefix) :]]
        return None


def _modules(network: nn.Module | None) -> list[str]:
    if network is None:
        return []
    return [name for name, module in network.named_modules() if any(True for _ in module.parameters(recurse=False))]


def _dit_spellings(module: str) -> list[str]:
    return [
        f"lora_unet_{module.replace('.', '_')}",
        f"diffusion_model.{module}",
        f"model.diffusion_model.{module}",
        f"net.{module}",
        module,
        f"transformer.{diffusers_dit_name(module)}",
    ]


def split_name(name: str) -> tuple[str, str] | None:
    """Return module and role of a tensor's name in a LoRA file; None if the name has another form.

    >>> split_name("diffusion_model.blocks.0.mlp.layer1.lora_A.weight")
    ('diffusion_model.blocks.0.mlp.layer1', 'down')
    """
    return next(((name[: -len(suffix)], role) for suffix, role in _SUFFIXES if name.endswith(suffix)), None)


def spell_name(module: str, role: str, to: str) -> str:
    """Return the name of a module's tensor as ``sd-scripts`` or ``comfyui`` spells it."""
    network, _, name = module.partition(":")
    dit_name = ADAPTER + name if network == "adapter" else name
    if to == "sd-scripts":
        flat = f"lora_te_{name.replace('.', '_')}" if network == "text" else f"lora_unet_{dit_name.replace('.', '_')}"
        return flat + ROLES[role][0]
    dotted = f"text_encoders.qwen3_06b.transformer.model.{name}" if network == "text" else f"diffusion_model.{dit_name}"
    return dotted + (ROLES[role][1] if role in ("down", "up") else ROLES[role][0])


def names_without_model() -> ModuleNames:
    """Return the names of the release's modules, for more blocks than any file has, without loading a model."""
    from anima_infer.model.adapter import Adapter
    from anima_infer.model.config import AdapterConfig, DitConfig
    from anima_infer.model.dit import Dit

    with torch.device("meta"):
        dit = Dit(DitConfig(width=256, blocks=1, heads=2, context_width=8, adaln_width=8, mlp_width=8))
        adapter = Adapter(AdapterConfig(width=16, blocks=1, heads=2, source_width=16, target_width=16, vocabulary=8))
    layer = [f"self_attn.{leaf}" for leaf in ("q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm")]
    layer += [f"mlp.{leaf}" for leaf in ("gate_proj", "up_proj", "down_proj")]
    layer += ["input_layernorm", "post_attention_layernorm"]
    text = [f"layers.{i}.{leaf}" for i in range(_MOST_BLOCKS) for leaf in layer]
    return ModuleNames(
        _repeat_block(_modules(dit)), _repeat_block([*_modules(adapter), "in_proj"]), [*text, "embed_tokens", "norm"]
    )


def _repeat_block(modules: Iterable[str]) -> list[str]:
    """Return names with those of block 0 repeated for every block."""
    repeated = []
    for name in modules:
        if name.startswith("blocks.0."):
            repeated += [name.replace("blocks.0.", f"blocks.{i}.", 1) for i in range(_MOST_BLOCKS)]
        else:
            repeated.append(name)
    return repeated
