"""Facts about what a weight file is said to be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from anima_infer.checkpoint import WeightFile, describe_file, diffusers_dit_name, find_part
from anima_infer.errors import CheckpointError
from anima_infer.model.config import DitConfig
from tests.infer.tiny import dit_weights

DEEP = DitConfig(width=32, blocks=40, heads=2, context_width=8, adaln_width=4, mlp_width=128)


@pytest.mark.parametrize("layout", ["release", "no prefix", "diffusers"])
def test_the_description_of_a_dit_names_its_blocks(tmp_path: Path, layout: str) -> None:
    weights = dit_weights(DEEP, None)
    renames: dict[str, Callable[[str], str]] = {
        "release": "net.{}".format,
        "no prefix": str,
        "diffusers": diffusers_dit_name,
    }
    rename = renames[layout]
    save_file({rename(name): tensor for name, tensor in weights.items()}, tmp_path / "a.safetensors")
    description = describe_file(WeightFile.open(tmp_path / "a.safetensors"))
    assert description.startswith("an Anima DiT of 40 blocks")


QWEN3_5 = {
    "model.language_model.embed_tokens.weight": torch.zeros(4, 2560),
    "model.language_model.layers.0.linear_attn.in_proj_qkv.weight": torch.zeros(4, 4),
    "model.layers.0.post_attention_layernorm.weight": torch.zeros(2560),
}
HEAD = {"norm.proj.weight": torch.zeros(1024, 2560)}


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (QWEN3_5, "the text encoder of Anima-3.8B, Qwen3.5-4B with a head from 2560 to 1024 values"),
        (QWEN3_5 | HEAD, "the text encoder of Anima-3.8B"),
        (HEAD, "the text encoder of Anima-3.8B"),
        (
            {
                "model.embed_tokens.weight": torch.zeros(4, 2560),
                "model.layers.0.post_attention_layernorm.weight": torch.zeros(2560),
            },
            "a Qwen text encoder of 2560 values",
        ),
    ],
)
def test_a_text_encoder_of_another_model_is_named(tmp_path: Path, weights: dict[str, Tensor], said: str) -> None:
    save_file(weights, tmp_path / "a.safetensors")
    file = WeightFile.open(tmp_path / "a.safetensors")
    assert said in describe_file(file)
    with pytest.raises(CheckpointError, match=said) as caught:
        find_part(file, "text")
    assert "\n" not in str(caught.value)
    assert "Anima needs qwen_3_06b_base.safetensors" in str(caught.value)
