"""Sizes of the four networks, read from the shapes of their weights.

The release: DiT 28 blocks of 2048, adapter 6 blocks of 1024, Qwen3-0.6B, VAE of 96 base channels. Smaller ones load the
same way. Source: the release's weights; ComfyUI 0.29.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anima_infer.errors import CheckpointError

Shapes = Mapping[str, tuple[int, ...]]
CONTEXT_ROWS = 512
"""Rows that the DiT's cross-attention sees; those after the prompt are zero."""


@dataclass(frozen=True, slots=True)
class DitConfig:
    """Sizes of the diffusion transformer."""

    width: int = 2048
    blocks: int = 28
    heads: int = 16
    context_width: int = 1024
    adaln_width: int = 256
    mlp_width: int = 8192
    in_channels: int = 16
    out_channels: int = 16
    patch: int = 2

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> DitConfig:
        """Read the sizes from weights named as in the release, without prefix."""
        width, patched = _shape(shapes, "x_embedder.proj.1.weight")
        (head,) = _shape(shapes, "blocks.0.self_attn.q_norm.weight", 1)
        return cls(
            width=width,
            blocks=_count(shapes, "blocks."),
            heads=_divide(width, head, "blocks.0.self_attn.q_norm.weight"),
            context_width=_shape(shapes, "blocks.0.cross_attn.k_proj.weight")[1],
            adaln_width=_shape(shapes, "blocks.0.adaln_modulation_mlp.1.weight")[0],
            mlp_width=_shape(shapes, "blocks.0.mlp.layer1.weight")[0],
            in_channels=patched // 4 - 1,
            out_channels=_shape(shapes, "final_layer.linear.weight")[0] // 4,
        )


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """Sizes of the adapter between the text encoder and the DiT."""

    width: int = 1024
    blocks: int = 6
    heads: int = 16
    source_width: int = 1024
    target_width: int = 1024
    vocabulary: int = 32128

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> AdapterConfig:
        """Read the sizes from weights named as in the release, without ``llm_adapter.``."""
        vocabulary, target = _shape(shapes, "embed.weight")
        (head,) = _shape(shapes, "blocks.0.self_attn.q_norm.weight", 1)
        width = _shape(shapes, "blocks.0.self_attn.q_proj.weight")[0]
        source = _shape(shapes, "blocks.0.cross_attn.k_proj.weight")[1]
        heads = _divide(width, head, "blocks.0.self_attn.q_norm.weight")
        return cls(width, _count(shapes, "blocks."), heads, source, target, vocabulary)


@dataclass(frozen=True, slots=True)
class TextConfig:
    """Sizes of the Qwen3 text encoder."""

    width: int = 1024
    layers: int = 28
    heads: int = 16
    kv_heads: int = 8
    head_width: int = 128
    mlp_width: int = 3072
    vocabulary: int = 151936

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> TextConfig:
        """Read the sizes from weights named as in transformers, without ``model.``."""
        vocabulary, width = _shape(shapes, "embed_tokens.weight")
        (head,) = _shape(shapes, "layers.0.self_attn.q_norm.weight", 1)
        return cls(
            width=width,
            layers=_count(shapes, "layers."),
            heads=_divide(
                _shape(shapes, "layers.0.self_attn.q_proj.weight")[0], head, "layers.0.self_attn.q_norm.weight"
            ),
            kv_heads=_divide(
                _shape(shapes, "layers.0.self_attn.k_proj.weight")[0], head, "layers.0.self_attn.k_norm.weight"
            ),
            head_width=head,
            mlp_width=_shape(shapes, "layers.0.mlp.gate_proj.weight")[0],
            vocabulary=vocabulary,
        )

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of all weights, by their names in transformers without ``model.``."""
        width, heads, kv_heads = self.width, self.heads * self.head_width, self.kv_heads * self.head_width
        layer = {
            "input_layernorm": (width,),
            "post_attention_layernorm": (width,),
            "self_attn.q_proj": (heads, width),
            "self_attn.k_proj": (kv_heads, width),
            "self_attn.v_proj": (kv_heads, width),
            "self_attn.o_proj": (width, heads),
            "self_attn.q_norm": (self.head_width,),
            "self_attn.k_norm": (self.head_width,),
            "mlp.gate_proj": (self.mlp_width, width),
            "mlp.up_proj": (self.mlp_width, width),
            "mlp.down_proj": (width, self.mlp_width),
        }
        shapes: dict[str, tuple[int, ...]] = {
            f"layers.{index}.{name}.weight": shape for index in range(self.layers) for name, shape in layer.items()
        }
        return shapes | {"embed_tokens.weight": (self.vocabulary, width), "norm.weight": (width,)}


@dataclass(frozen=True, slots=True)
class VaeConfig:
    """Sizes of the Qwen-Image VAE: base channels, latent channels, image channels."""

    width: int = 96
    latent_channels: int = 16
    channels: int = 3

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> VaeConfig:
        """Read the sizes from weights named as in the release."""
        return cls(
            width=_shape(shapes, "decoder.head.0.gamma", None)[0],
            latent_channels=_shape(shapes, "conv2.weight", None)[0],
            channels=_shape(shapes, "decoder.head.2.weight", None)[0],
        )


def _shape(shapes: Shapes, name: str, axes: int | None = 2) -> tuple[int, ...]:
    """Return the shape of a weight that has so many axes (None: any but 0), none of them empty."""
    if name not in shapes:
        raise CheckpointError(f"the weights have no '{name}'; pass the file that contains this part of the model")
    shape = shapes[name]
    if not shape or len(shape) != (axes or len(shape)) or 0 in shape:
        expected = {1: "one axis, not empty", 2: "two axes, not empty"}.get(axes or 0, "axes that are not empty")
        raise CheckpointError(f"'{name}' has shape {list(shape)}; expected {expected}; the file is for another model")
    return shape


def _divide(width: int, head: int, name: str) -> int:
    """Return the number of attention heads."""
    if width % head:
        raise CheckpointError(
            f"'{name}' has {head} values, which do not divide the width {width}; the file is for another model"
        )
    return width // head


def _count(shapes: Shapes, prefix: str) -> int:
    """Return the number of numbered blocks below a prefix."""
    labels = {name[len(prefix) :].split(".", 1)[0] for name in shapes if name.startswith(prefix)}
    numbers = {int(label) for label in labels if label.isdecimal() and len(label) < 6}
    count = 1 + max(numbers, default=-1)
    if count > len(numbers):
        first = next(number for number in range(count) if number not in numbers)
        raise CheckpointError(
            f"'{prefix}{first}' is missing, although the weights go up to '{prefix}{count - 1}'; the file is incomplete"
        )
    return count
