"""Which parts of the model a file contains, and under which names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from anima_infer.checkpoint.diffusers_names import diffusers_dit_name, diffusers_vae_name
from anima_infer.checkpoint.file import WeightFile
from anima_infer.checkpoint.prefixes import ADAPTER, PREFIXES, TEXT_PREFIXES, VAE_PREFIXES
from anima_infer.checkpoint.quantization import SCALE_ROLES
from anima_infer.errors import CheckpointError
from anima_infer.model.config import DitConfig, VaeConfig
from anima_infer.model.dit import Dit
from anima_infer.model.vae import Vae

MARKER_WEIGHTS = {
    "dit": "blocks.0.mlp.layer1.weight",
    "adapter": "blocks.0.cross_attn.o_proj.weight",
    "text": "layers.0.post_attention_layernorm.weight",
    "vae": "decoder.middle.0.residual.0.gamma",
}
_RELEASE = {
    "dit": ("DiT", "anima-base-v1.0.safetensors"),
    "adapter": ("adapter", "anima-base-v1.0.safetensors, which contains it"),
    "text": ("text encoder", "qwen_3_06b_base.safetensors"),
    "vae": ("VAE", "qwen_image_vae.safetensors"),
}
"""Words for the parts, and their files in the release."""
_HEAD_OF_3_8B = (1024, 2560)
DIFFUSERS_MARKERS = {"dit": "patch_embed.proj.weight", "vae": "decoder.mid_block.attentions.0.to_qkv.weight"}
_LEFTOVERS = ("inv_freq", "_extra_state", "accum_", "pos_embedder.", "model_sampling.", "scaled_fp8", "lm_head.")
_SCALES = tuple(f".{role}" for role in (*SCALE_ROLES, "input_scale", "scale_input", "comfy_quant"))
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
    ("model.diffusion_model.joint_blocks.0.context_block.attn.qkv.weight", "an SD3 checkpoint"),
    ("model.diffusion_model.double_blocks.0.img_attn.qkv.weight", "a Flux checkpoint"),
    ("distilled_guidance_layer.layers.0.in_layer.weight", "a Chroma model"),
    ("noise_refiner.0.attention.qkv.weight", "a Lumina 2 or Z-Image model"),
    ("blocks.0.self_attn.norm_q.weight", "a Wan model"),
    (
        "text_model.encoder.layers.0.self_attn.q_proj.weight",
        "a CLIP text encoder; Anima needs qwen_3_06b_base.safetensors",
    ),
    (
        "encoder.block.0.layer.0.SelfAttention.q.weight",
        "a T5 text encoder, of which Anima needs the tokenizer alone; pass qwen_3_06b_base.safetensors",
    ),
)
ADD_ONS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("lllite_",), "a ControlNet-LLLite, which is not supported", "model_patches"),
    (
        ("controlnet_", "control_model.", "input_hint_block.", "control_blocks.", "zero_convs."),
        "a ControlNet, which is not supported",
        "controlnet",
    ),
    (("ip_adapter.", "image_proj."), "an IP-Adapter, which is not supported", "ipadapter"),
    (
        (".lora_", "_lora.", ".hada_w", ".lokr_w", ".dora_scale", ".oft_blocks", ".oft_diag", ".magnitude", ".diff_b"),
        "a LoRA, which is applied to a model: pass it with --lora",
        "loras",
    ),
    (("qwen3_06b", "emb_params", "string_to_param"), "a textual embedding, named in a prompt", "embeddings"),
)
"""Files that go with a model: parts of names that tell them, what they are, and their folder in ComfyUI."""


@dataclass(frozen=True, slots=True)
class CheckpointPart:
    """The weights of one network in a file; ``names`` maps the network's names to those in the file."""

    file: WeightFile
    names: Mapping[str, str]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes by the network's names; those of quantized weights once they are decoded, with their padding."""
        return {name: self.file.weight_shape(stored) for name, stored in self.names.items()}

    def tensor(self, name: str, shape: tuple[int, ...] | None = None) -> Tensor:
        """Return a tensor by the network's name, see ``WeightFile.tensor``."""
        return self.file.tensor(self.names[name], shape)


def describe_file(file: WeightFile) -> str:
    """Return what a file seems to be, in words, for error messages and ``models check``."""
    other = _other_model(file)
    if other is not None:
        return other
    add_on = find_add_on(file)
    if add_on is not None:
        return add_on[0]
    names = {
        "dit": f"an Anima DiT of {count_blocks(file)} blocks",
        "adapter": "an Anima adapter",
        "text": "a Qwen3 text encoder",
        "vae": "a Qwen-Image VAE",
    }
    parts = [part for part in parts_of(file) if part != "adapter" or not _has_adapter_inside(file)]
    return " with ".join(names[part] for part in parts) if parts else "unknown (no part of Anima was recognized)"


def parts_of(file: WeightFile) -> tuple[str, ...]:
    """Return the parts that a file contains: ``dit``, ``adapter``, ``text``, ``vae``."""
    if _other_model(file) is not None:
        return ()
    found = [part for part in MARKER_WEIGHTS if _prefix(file, part) is not None]
    found += [part for part in ("dit", "vae") if part not in found and DIFFUSERS_MARKERS[part] in file]
    return tuple(part for part in MARKER_WEIGHTS if part in found)


def _has_adapter_inside(file: WeightFile) -> bool:
    return _prefix(file, "dit") is not None


def count_blocks(file: WeightFile) -> int:
    """Return the number of blocks of the DiT in a file; 0 if it contains none."""
    prefix = _prefix(file, "dit")
    start = "transformer_blocks." if prefix is None else f"{prefix}blocks."
    labels = {name[len(start) :].partition(".")[0] for name in file if name.startswith(start)}
    return 1 + max((int(label) for label in labels if label.isdecimal()), default=-1)


def find_add_on(file: WeightFile) -> tuple[str, str] | None:
    """Return what a file that goes with a model is, and its folder in ComfyUI; None for any other file."""
    if parts_of(file):
        return None
    for markers, words, folder in ADD_ONS:
        if any(
            name.startswith(marker) or (marker[0] in "._" and marker in name) for name in file for marker in markers
        ):
            return words, folder
    return None


def _other_model(file: WeightFile) -> str | None:
    """Return what a file is if it is no part of Anima; None if it may be one."""
    found = next((model for marker, model in OTHER_MODELS if marker in file), None)
    if found is not None:
        return found
    head = any("norm." in name and tuple(sorted(shape)) == _HEAD_OF_3_8B for name, shape in file.shapes.items())
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
    noun, release = _RELEASE[part]
    expected = f"expected a file such as {release}"
    other = _other_model(file)
    if other is not None:
        raise CheckpointError(f"{file.path}: this is {other}{'' if 'Anima needs' in other else f'; {expected}'}")
    prefix = _prefix(file, part)
    if prefix is None:
        renamed = _diffusers_part(file, part)
        if renamed is not None:
            return renamed
        _ = file.quantization  # a layer that lacks its weight says more than a part that is not there
        raise CheckpointError(
            f"{file.path}: contains no weights of the {noun}; the file seems to be {describe_file(file)}; {expected}"
        )
    names = {name[len(prefix) :]: name for name in file if name.startswith(prefix)}
    if part == "dit":
        names = {name: stored for name, stored in names.items() if not name.startswith(ADAPTER)}
    if part == "vae":
        names = {name: stored for name, stored in names.items() if name.startswith(("encoder.", "decoder.", "conv"))}
    return _checked(CheckpointPart(file, {name: stored for name, stored in names.items() if _is_weight(name)}))


def _checked(part: CheckpointPart) -> CheckpointPart:
    """Return a part, after a check of its quantized layers and of the dtypes of the others."""
    file = part.file
    for stored in part.names.values():
        if stored not in file.quantization.layers:
            file.check_dtype(stored)
    return part


def _is_weight(name: str) -> bool:
    return not any(marker in name for marker in _LEFTOVERS) and not name.endswith(_SCALES)


def _diffusers_part(file: WeightFile, part: str) -> CheckpointPart | None:
    """Return a part that has the names of diffusers; None if the names are not those."""
    if part == "dit" and DIFFUSERS_MARKERS["dit"] in file:
        numbers = (name.split(".")[1] for name in file if name.startswith("transformer_blocks."))
        blocks = 1 + max((int(number) for number in numbers if number.isdecimal() and len(number) < 4), default=-1)
        sizes = DitConfig(blocks=blocks, width=256, heads=2, context_width=8, adaln_width=8, mlp_width=8)
        with torch.device("meta"):
            own_names = list(Dit(sizes).state_dict())
        return _checked(CheckpointPart(file, _present(file, {name: diffusers_dit_name(name) for name in own_names})))
    if part == "vae" and DIFFUSERS_MARKERS["vae"] in file:
        with torch.device("meta"):
            own_names = list(Vae(VaeConfig(width=8)).state_dict())
        return _checked(CheckpointPart(file, _present(file, {name: diffusers_vae_name(name) for name in own_names})))
    return None


def _present(file: WeightFile, names: Mapping[str, str]) -> dict[str, str]:
    return {name: stored for name, stored in names.items() if stored in file}
