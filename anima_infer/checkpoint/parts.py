"""Which parts of the model a file contains, and under which names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from anima_infer.checkpoint.diffusers_names import diffusers_dit_name, diffusers_vae_name
from anima_infer.checkpoint.file import WeightFile
from anima_infer.errors import CheckpointError
from anima_infer.model.config import DitConfig, VaeConfig
from anima_infer.model.dit import Dit
from anima_infer.model.vae import Vae

PREFIXES = ("model.diffusion_model.", "diffusion_model.", "model.model.", "net.", "")
"""What stands before the DiT's names, in the order in which it is tried."""
TEXT_PREFIXES = (
    "text_encoders.qwen3_06b.transformer.model.",
    "cond_stage_model.qwen3_06b.transformer.model.",
    "cond_stage_model.transformer.model.",
    "cond_stage_model.model.",
    "text_encoders.transformer.model.",
    "model.",
    "",
)
VAE_PREFIXES = ("vae.", "first_stage_model.", "")
ADAPTER = "llm_adapter."
MARKER_WEIGHTS = {
    "dit": "blocks.0.mlp.layer1.weight",
    "adapter": "blocks.0.cross_attn.o_proj.weight",
    "text": "layers.0.post_attention_layernorm.weight",
    "vae": "decoder.middle.0.residual.0.gamma",
}
_LEFTOVERS = ("inv_freq", "_extra_state", "accum_", "pos_embedder.", "model_sampling.", "scaled_fp8", "lm_head.")
_SCALES = (
    "weight_scale",
    "weight_scale_2",
    "input_scale",
    "scale_weight",
    "scale_input",
    "comfy_quant",
    "pre_quant_scale",
)
OTHER_MODELS: tuple[tuple[str, str], ...] = (
    ("decoder.upsamples.0.upsamples.0.residual.2.weight", "the Wan 2.2 VAE; Anima needs qwen_image_vae.safetensors"),
    ("model.layers.0.self_attn.q_proj.bias", "a Qwen2.5 text encoder; Anima needs qwen_3_06b_base.safetensors"),
    ("visual.patch_embed.proj.weight", "a vision-language text encoder; Anima needs qwen_3_06b_base.safetensors"),
    ("model.diffusion_model.input_blocks.0.0.weight", "a Stable Diffusion or SDXL checkpoint"),
    ("conditioner.embedders.0.transformer.text_model.embeddings.position_ids", "an SDXL checkpoint"),
    ("double_blocks.0.img_attn.qkv.weight", "a Flux model"),
    ("transformer_blocks.0.attn.add_q_proj.weight", "a Qwen-Image or SD3 transformer"),
    ("decoder.mid.block_1.conv1.weight", "a Stable Diffusion VAE; Anima needs qwen_image_vae.safetensors"),
    ("decoder.mid_block.attentions.0.to_q.weight", "a Stable Diffusion VAE; Anima needs qwen_image_vae.safetensors"),
    ("joint_blocks.0.context_block.attn.qkv.weight", "an SD3 model"),
)
_HEAD_OF_3_8B = (1024, 2560)
LORA_MARKERS = (".lora_down.weight", ".lora_A.weight", ".lora_up.weight", ".hada_w1_a", ".lokr_w1", ".lokr_w1_a")


@dataclass(frozen=True, slots=True)
class CheckpointPart:
    """The weights of one network in a file; ``names`` maps the network's names to those in the file."""

    file: WeightFile
    names: Mapping[str, str]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes by the network's names."""
        return {name: self.file.shapes[stored] for name, stored in self.names.items()}

    def tensor(self, name: str) -> Tensor:
        """Return a tensor by the network's name."""
        return self.file.tensor(self.names[name])


def describe_file(file: WeightFile) -> str:
    """Return what a file seems to be, in words, for error messages and ``models check``."""
    parts = [part for part in MARKER_WEIGHTS if _prefix(file, part) is not None]
    if "adapter" in parts and f"{_prefix(file, 'adapter')}x_embedder.proj.1.weight" in file:
        parts.remove("adapter")
    if not any(name.startswith(("decoder.middle", "vae.", "first_stage")) for name in file) and "vae" in parts:
        parts.remove("vae")
    other = _other_model(file)
    if other is not None:
        return other
    if any(marker in name for marker in LORA_MARKERS for name in file):
        return "a LoRA, which is applied to a model"
    names = {
        "dit": f"an Anima DiT of {count_blocks(file)} blocks",
        "adapter": "an Anima adapter",
        "text": "a Qwen3 text encoder",
        "vae": "a Qwen-Image VAE",
    }
    return " with ".join(names[part] for part in parts) if parts else "unknown (no part of Anima was recognized)"


def count_blocks(file: WeightFile) -> int:
    """Return the number of blocks of the DiT in a file in the release's layout; 0 if it contains none."""
    prefix = _prefix(file, "dit")
    if prefix is None:
        return 0
    blocks = (name[len(prefix) :].split(".")[1] for name in file if name.startswith(f"{prefix}blocks."))
    return 1 + max((int(block) for block in blocks if block.isdecimal()), default=-1)


def _other_model(file: WeightFile) -> str | None:
    """Return what a file is if it is no part of Anima; None if it may be one."""
    found = next((model for marker, model in OTHER_MODELS if marker in file), None)
    if found is not None:
        return found
    head = any("norm." in name and shape == _HEAD_OF_3_8B for name, shape in file.shapes.items())
    wide = any(name.endswith("embed_tokens.weight") and shape[-1:] == (2560,) for name, shape in file.shapes.items())
    if head or (wide and any(".linear_attn." in name for name in file)):
        return (
            "the text encoder of Anima-3.8B, Qwen3.5-4B with a head from 2560 to 1024 values, which is not supported; "
            "Anima needs qwen_3_06b_base.safetensors"
        )
    return "a Qwen text encoder of 2560 values (4B); Anima needs qwen_3_06b_base.safetensors" if wide else None


def _prefix(file: WeightFile, part: str) -> str | None:
    """Return what stands before the names of a part; None if the file does not contain it."""
    prefixes = {"dit": PREFIXES, "text": TEXT_PREFIXES, "vae": VAE_PREFIXES}.get(part)
    if part == "adapter":
        prefixes = (*(f"{prefix}{ADAPTER}" for prefix in PREFIXES), "")
    assert prefixes is not None
    return next((prefix for prefix in prefixes if prefix + MARKER_WEIGHTS[part] in file), None)


def find_part(file: WeightFile, part: str) -> CheckpointPart:
    """Return one part of a file: ``dit``, ``adapter``, ``text`` or ``vae``.

    Raises:
        CheckpointError: the file does not contain it; the message says what the file seems to be.
    """
    other = _other_model(file)
    if other is not None:
        raise CheckpointError(f"{file.path}: this is {other}")
    prefix = _prefix(file, part)
    if prefix is None:
        renamed = _diffusers_part(file, part)
        if renamed is not None:
            return renamed
        noun = {"dit": "DiT", "adapter": "adapter", "text": "text encoder", "vae": "VAE"}[part]
        raise CheckpointError(
            f"{file.path}: contains no weights of the {noun}; the file seems to be {describe_file(file)}"
        )
    names = {name[len(prefix) :]: name for name in file if name.startswith(prefix)}
    if part == "dit":
        names = {name: stored for name, stored in names.items() if not name.startswith(ADAPTER)}
    if part == "vae":
        names = {name: stored for name, stored in names.items() if name.startswith(("encoder.", "decoder.", "conv"))}
    return CheckpointPart(file, {name: stored for name, stored in names.items() if _is_weight(name)})


def _is_weight(name: str) -> bool:
    return not any(marker in name for marker in _LEFTOVERS) and not name.endswith(_SCALES)


def _diffusers_part(file: WeightFile, part: str) -> CheckpointPart | None:
    """Return a part that has the names of diffusers; None if the names are not those."""
    if part == "dit" and "patch_embed.proj.weight" in file:
        blocks = 1 + max(int(n.split(".")[1]) for n in file if n.startswith("transformer_blocks."))
        sizes = DitConfig(blocks=blocks, width=256, heads=2, context_width=8, adaln_width=8, mlp_width=8)
        with torch.device("meta"):
            own_names = list(Dit(sizes).state_dict())
        return CheckpointPart(file, _present(file, {name: diffusers_dit_name(name) for name in own_names}))
    if part == "vae" and "post_quant_conv.weight" in file:
        with torch.device("meta"):
            own_names = list(Vae(VaeConfig(width=8)).state_dict())
        return CheckpointPart(file, _present(file, {name: diffusers_vae_name(name) for name in own_names}))
    return None


def _present(file: WeightFile, names: Mapping[str, str]) -> dict[str, str]:
    return {name: stored for name, stored in names.items() if stored in file}
