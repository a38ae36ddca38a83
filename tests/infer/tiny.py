"""A whole model of random weights in the release's key layout, small enough for tests; and its tokenizers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from anima_infer.files import ModelFiles
from anima_infer.model.adapter import Adapter
from anima_infer.model.config import AdapterConfig, DitConfig, TextConfig, VaeConfig
from anima_infer.model.dit import Dit
from anima_infer.model.inputs import Conditioning
from anima_infer.model.text import TextEncoder
from anima_infer.model.vae import Vae
from anima_infer.models import Models
from tests.infer.arithmetic import numbers

DIT = DitConfig(width=128, blocks=2, heads=2, context_width=48, adaln_width=16, mlp_width=512)
ADAPTER = AdapterConfig(width=48, blocks=2, heads=2, source_width=32, target_width=48, vocabulary=400)
TEXT = TextConfig(width=32, layers=2, heads=4, kv_heads=2, head_width=16, mlp_width=64, vocabulary=400)
VAE = VaeConfig(width=8)
CPU = torch.device("cpu")


def random_tensor(name: str, shape: tuple[int, ...]) -> Tensor:
    """Return weights that keep activations near unit size, by arithmetic from the name."""
    r = numbers(name, shape)
    if name.endswith("bias"):
        return 0.05 * r
    if len(shape) == 1 or name.endswith("gamma"):
        return 1 + 0.1 * r
    if "embed" in name and "x_embedder" not in name and "t_embedder" not in name:
        return 0.5 * r
    fan = r[0].numel() // (3 if len(shape) == 5 and shape[2] == 3 else 1)
    return r * ((0.3 if "adaln" in name or "linear_2" in name else 1.0) / math.sqrt(fan))


def dit_weights(config: DitConfig = DIT, adapter: AdapterConfig | None = ADAPTER) -> dict[str, Tensor]:
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in Dit(config).state_dict().items()}
        if adapter is not None:
            shapes |= {f"llm_adapter.{name}": tuple(t.shape) for name, t in Adapter(adapter).state_dict().items()}
    return {name: random_tensor(name, shape) for name, shape in shapes.items()}


def text_weights(config: TextConfig = TEXT) -> dict[str, Tensor]:
    with torch.device("meta"):
        shapes = {f"model.{name}": tuple(t.shape) for name, t in TextEncoder(config).model.state_dict().items()}
    return {name: random_tensor(name, shape) for name, shape in shapes.items()}


def vae_weights(config: VaeConfig = VAE) -> dict[str, Tensor]:
    """Return weights of the causal 3-D network; the slices that must not be read are not finite."""
    with torch.device("meta"):
        flat = {name: tuple(t.shape) for name, t in Vae(config).state_dict().items()}
    made: dict[str, Tensor] = {}
    for name, shape in flat.items():
        if name.endswith("gamma"):
            made[name] = random_tensor(name, shape if ".1.norm" in name else (*shape, 1))
        elif name.endswith("bias") or any(part in name for part in (".resample.", ".to_qkv.", ".proj.")):
            made[name] = random_tensor(name, shape)
        else:
            depth = 3 if shape[-1] == 3 else 1
            made[name] = random_tensor(name, (shape[0], shape[1], depth, *shape[2:]))
            made[name][:, :, :-1] = math.nan
    for part, indices, up in (("encoder.downsamples", (5, 8), 1), ("decoder.upsamples", (3, 7), 2)):
        for index in indices:
            channels = made[f"{part}.{index}.resample.1.weight"].shape[1]
            made[f"{part}.{index}.time_conv.weight"] = torch.full((up * channels, channels, 3, 1, 1), math.nan)
            made[f"{part}.{index}.time_conv.bias"] = torch.full((up * channels,), math.nan)
    return made


def write_tokenizers(folder: Path) -> tuple[Path, Path]:
    """Write a byte-level tokenizer and one of pieces."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    qwen = Tokenizer(models.BPE({char: i for i, char in enumerate(alphabet)}, []))
    qwen.normalizer = normalizers.NFC()
    qwen.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    qwen.decoder = decoders.ByteLevel()
    qwen.add_tokens([AddedToken("<|endoftext|>", special=True)])
    letters = [chr(code) for code in range(33, 127)]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((char, -3.0) for char in letters)]
    t5 = Tokenizer(models.Unigram(pieces, 2, byte_fallback=False))
    t5.pre_tokenizer = pre_tokenizers.Metaspace()
    places = folder / "tokenizers" / "qwen3", folder / "tokenizers" / "t5"
    for place, tokenizer in zip(places, (qwen, t5), strict=True):
        place.mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(place / "tokenizer.json"))
    return places


@dataclass(frozen=True)
class Tiny:
    """A folder with everything."""

    folder: Path
    files: ModelFiles


def write_model(folder: Path, dtype: torch.dtype = torch.float32) -> Tiny:
    """Write the whole model as the release has it."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({f"net.{n}": t.to(dtype) for n, t in dit_weights().items()}, folder / "anima-base-v1.0.safetensors")
    save_file({n: t.to(dtype) for n, t in text_weights().items()}, folder / "qwen_3_06b_base.safetensors")
    save_file({n: t.to(dtype) for n, t in vae_weights().items()}, folder / "qwen_image_vae.safetensors")
    qwen, t5 = write_tokenizers(folder)
    files = ModelFiles(
        folder / "anima-base-v1.0.safetensors",
        folder / "qwen_3_06b_base.safetensors",
        folder / "qwen_image_vae.safetensors",
        None,
        qwen,
        t5,
    )
    return Tiny(folder, files)


def encode(models: Models, text: str) -> Conditioning:
    return models.encoder.encode([(text, 1.0)] if text else [])


FP32: dict[str, Any] = {"dtype": torch.float32, "device": CPU}


def same(network: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), other.state_dict().values(), strict=True)
    )


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_lora(rank: int = 4, seed: int = 0) -> dict[str, Tensor]:
    source = torch.Generator().manual_seed(seed)

    def r(*shape: int) -> Tensor:
        return torch.randn(shape, generator=source) * 0.1

    return {
        "diffusion_model.blocks.0.self_attn.q_proj.lora_A.weight": r(rank, 128),
        "diffusion_model.blocks.0.self_attn.q_proj.lora_B.weight": r(128, rank),
        "diffusion_model.llm_adapter.blocks.1.mlp.0.lora_A.weight": r(rank, 48),
        "diffusion_model.llm_adapter.blocks.1.mlp.0.lora_B.weight": r(192, rank),
        "diffusion_model.t_embedder.1.linear_1.lora_A.weight": r(rank, 128),
        "diffusion_model.t_embedder.1.linear_1.lora_B.weight": r(128, rank),
        "text_encoders.qwen3_06b.transformer.model.layers.1.mlp.up_proj.lora_A.weight": r(rank, 32),
        "text_encoders.qwen3_06b.transformer.model.layers.1.mlp.up_proj.lora_B.weight": r(64, rank),
    }
