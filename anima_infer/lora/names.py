"""Names of the model's modules in LoRA files, in every program's spelling; knows no tensors.

A name is compared with the names that the model's own modules have in each format. Nothing is guessed by replacing
characters, since underscores stand both for dots and for themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from anima_infer.checkpoint.diffusers_names import diffusers_dit_name
from anima_infer.checkpoint.parts import ADAPTER
from anima_infer.lora.roles import ROLES

_ATTENTION = ("q_proj", "k_proj", "v_proj", "output_proj", "q_norm", "k_norm")
_ADAPTER_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm")
_DIT = (
    *(f"blocks.0.{branch}_attn.{leaf}" for branch in ("self", "cross") for leaf in _ATTENTION),
    *(f"blocks.0.mlp.layer{i}" for i in (1, 2)),
    *(f"blocks.0.adaln_modulation_{branch}.{i}" for branch in ("self_attn", "cross_attn", "mlp") for i in (1, 2)),
    *("x_embedder.proj.1", "t_embedder.1.linear_1", "t_embedder.1.linear_2", "t_embedding_norm"),
    *("final_layer.linear", "final_layer.adaln_modulation.1", "final_layer.adaln_modulation.2"),
)
_ADAPTER = (
    *(f"blocks.0.{branch}_attn.{leaf}" for branch in ("self", "cross") for leaf in _ADAPTER_ATTENTION),
    *(f"blocks.0.{leaf}" for leaf in ("norm_self_attn", "norm_cross_attn", "norm_mlp", "mlp.0", "mlp.2")),
    *("embed", "in_proj", "out_proj", "norm"),
)
_TEXT = (
    *(f"layers.0.self_attn.{leaf}" for leaf in _ADAPTER_ATTENTION),
    *(f"layers.0.mlp.{leaf}" for leaf in ("gate_proj", "up_proj", "down_proj")),
    *("layers.0.input_layernorm", "layers.0.post_attention_layernorm", "embed_tokens", "norm"),
)
_TEXT_PREFIXES = (
    "text_encoders.qwen3_06b.transformer.model.",
    "text_encoders.transformer.model.",
    "text_encoder.model.",
    "text_encoder.",
)
_WRAPPERS = ("", "base_model.model.", "base_model.model.model.")
"""What PEFT puts before a model's own names."""
_INDEX = re.compile(r"(?<=blocks[._])(?:0|[1-9][0-9]{0,3})(?=[._])|(?<=layers[._])(?:0|[1-9][0-9]{0,3})(?=[._])")


def find_module(spelling: str) -> str | None:
    """Return our name of a module, ``dit:M``, ``adapter:M`` or ``text:M``; None if Anima has no such module.

    The number of blocks is not checked.

    >>> find_module("lora_unet_blocks_39_adaln_modulation_self_attn_2")
    'dit:blocks.39.adaln_modulation_self_attn.2'
    >>> find_module("base_model.model.transformer_blocks.3.attn1.to_q")
    'dit:blocks.3.self_attn.q_proj'
    """
    index = _INDEX.search(spelling)
    first = spelling if index is None else f"{spelling[: index.start()]}0{spelling[index.end() :]}"
    for wrapper in _WRAPPERS:
        if first.startswith(wrapper):
            module = _modules_by_spelling().get(first[len(wrapper) :])
            if module is not None:
                return module if index is None else _INDEX.sub(index[0], module, count=1)
    return None


def block_of(module: str) -> int | None:
    """Return the index of the DiT's block that a module is in; None for adapter, text encoder and other modules.

    >>> block_of("dit:blocks.39.mlp.layer1"), block_of("adapter:blocks.3.mlp.0")
    (39, None)
    """
    index = _INDEX.search(module) if module.startswith("dit:") else None
    return None if index is None else int(index[0])


def with_block(name: str, block: int) -> str:
    """Return a name, in any spelling, with another index of the block.

    >>> with_block("lora_unet_blocks_2_mlp_layer1.alpha", 3)
    'lora_unet_blocks_3_mlp_layer1.alpha'
    """
    return _INDEX.sub(str(block), name, count=1)


@cache
def _modules_by_spelling() -> dict[str, str]:
    modules: dict[str, str] = {}
    for network, names in (("dit", _DIT), ("adapter", _ADAPTER), ("text", _TEXT)):
        for name in names:
            for spelling in spellings(f"{network}:{name}"):
                known = modules.setdefault(spelling, f"{network}:{name}")
                assert known == f"{network}:{name}", spelling
    return modules


def spellings(module: str) -> Iterator[str]:
    """Yield every spelling of a module, without what PEFT puts before it."""
    network, _, name = module.partition(":")
    if network == "text":
        yield from (prefix + name for prefix in _TEXT_PREFIXES)
        yield from (f"{prefix}{_flat(name)}" for prefix in ("lora_te_", "lora_te1_"))
        return
    released = ADAPTER + name if network == "adapter" else name
    prefixes = ("diffusion_model.", "model.diffusion_model.", "net.", "transformer.", "")
    yield from (prefix + released for prefix in prefixes)
    yield from (f"{prefix}{_flat(released)}" for prefix in ("lora_unet_", "lycoris_", "lora_transformer_"))
    if network == "adapter":
        yield f"text_conditioner.{name}"
        return
    renamed = diffusers_dit_name(name)
    if renamed != name:
        yield from (f"transformer.{renamed}", renamed)
        yield from (f"{prefix}{_flat(renamed)}" for prefix in ("lycoris_", "lora_transformer_"))
        if renamed.startswith("transformer_"):
            yield f"lora_{_flat(renamed)}"


def _flat(name: str) -> str:
    return name.replace(".", "_")


def spell_name(module: str, role: str, to: str) -> str:
    """Return the name of a module's tensor as ``sd-scripts`` or ``comfyui`` spells it."""
    network, _, name = module.partition(":")
    released = ADAPTER + name if network == "adapter" else name
    if to == "sd-scripts":
        flat = f"lora_te_{_flat(name)}" if network == "text" else f"lora_unet_{_flat(released)}"
        return flat + ROLES[role][0]
    dotted = _TEXT_PREFIXES[0] + name if network == "text" else f"diffusion_model.{released}"
    return dotted + (ROLES[role][1] if role in ("down", "up") else ROLES[role][0])


def summarize(names: Iterable[str], most: int = 8) -> str:
    """Return names in one line; those that differ in numbers alone are counted.

    >>> summarize(["double_blocks.0.qkv", "double_blocks.1.qkv", "img_in"])
    'double_blocks.*.qkv (2), img_in'
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(re.sub(r"\d+", "*", name), []).append(name)
    texts = [
        f"{pattern[:120]} ({len(group)})" if len(group) > 1 else group[0][:120] for pattern, group in groups.items()
    ]
    return ", ".join(texts[:most]) + (f", and {len(texts) - most} more" if len(texts) > most else "")
