"""Facts about converting the names of a LoRA, and about extracting one from two models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from anima_infer.cli.main import commands
from anima_infer.errors import LoraError
from anima_infer.lora import ActiveLoras, Lora
from anima_infer.lora.jobs import convert_names, extract_lora
from anima_infer.models import Models
from tests.infer.arithmetic import numbers
from tests.infer.tiny import dit_weights, small_lora, text_weights, vae_weights


def run(*arguments: object) -> str:
    done = CliRunner().invoke(commands, ["lora", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("to", ["sd-scripts", "comfyui"])
def test_conversion_both_ways_means_the_same(tmp_path: Path, models: Models, to: str) -> None:
    original = small_lora() | {"diffusion_model.llm_adapter.blocks.1.mlp.0.diff_b": torch.ones(192)}
    save_file(original, tmp_path / "a.safetensors")
    run("convert", tmp_path / "a.safetensors", "--to", "sd-scripts", "-o", tmp_path / "k.safetensors")
    run("convert", tmp_path / "k.safetensors", "--to", to, "-o", tmp_path / "b.safetensors")
    other = load_file(tmp_path / "b.safetensors")
    one, two = (Lora.read(tmp_path / f"{name}.safetensors").deltas for name in "ab")
    assert one.keys() == two.keys()
    for module, delta in one.items():
        assert delta.tensors.keys() == two[module].tensors.keys()
        assert all(torch.equal(tensor, two[module].tensors[role]) for role, tensor in delta.tensors.items())
    if to == "sd-scripts":
        assert "lora_unet_t_embedder_1_linear_1.lora_down.weight" in other
        assert "lora_te_layers_1_mlp_up_proj.lora_up.weight" in other
    else:
        assert other.keys() == original.keys()


def test_a_scale_outside_the_tensors_becomes_an_alpha(tmp_path: Path) -> None:
    name = "transformer.transformer_blocks.1.attn2.to_k"
    tensors = {f"{name}.lora_A.weight": torch.ones(4, 48), f"{name}.lora_B.weight": torch.ones(128, 4)}
    header = {"lora_adapter_metadata": json.dumps({"transformer.r": 4, "transformer.lora_alpha": 6}), "title": "a"}
    save_file(tensors, tmp_path / "a.safetensors", header)
    run("convert", tmp_path / "a.safetensors", "--to", "comfyui", "-o", tmp_path / "b.safetensors")
    assert Lora.read(tmp_path / "b.safetensors").deltas["dit:blocks.1.cross_attn.k_proj"].scale == 1.5
    with safe_open(tmp_path / "b.safetensors", "pt") as file:
        assert file.metadata() == {"title": "a"}


def test_a_magnitude_of_peft_has_no_name_elsewhere(tmp_path: Path) -> None:
    name = "diffusion_model.blocks.1.cross_attn.k_proj"
    tensors = {f"{name}.lora_A.weight": torch.ones(4, 48), f"{name}.lora_B.weight": torch.ones(128, 4)}
    save_file(tensors | {f"{name}.lora_magnitude_vector.weight": torch.ones(128)}, tmp_path / "a.safetensors")
    with pytest.raises(LoraError, match="whose dora_scale is divided by other norms"):
        convert_names(Lora.read(tmp_path / "a.safetensors"), "comfyui")


def tuned(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights with a change of rank 2 in matrices, and another in vectors."""
    made = dict(weights)
    for name, tensor in weights.items():
        if tensor.ndim == 2:
            rows, columns = tensor.shape
            made[name] = tensor + 0.05 * numbers(name + "u", (rows, 2)) @ numbers(name + "v", (2, columns))
        elif tensor.ndim == 1:
            made[name] = tensor + 0.1 * numbers(name + "d", tuple(tensor.shape))
    return made


def test_extraction_keeps_adapter_norms_biases_and_text_encoder(tmp_path: Path, models: Models) -> None:
    base = {f"model.diffusion_model.{name}": tensor for name, tensor in dit_weights().items()}
    base |= {f"text_encoders.qwen3_06b.transformer.{name}": tensor for name, tensor in text_weights().items()}
    vae = {f"vae.{name}": tensor.nan_to_num() for name, tensor in vae_weights().items()}
    changed = tuned(base)
    save_file(base | vae, tmp_path / "base.safetensors")
    save_file(changed | vae, tmp_path / "tuned.safetensors")
    names = [tmp_path / f"{name}.safetensors" for name in ("base", "tuned")]
    output = run("extract", *names, "--rank", 2, "-o", tmp_path / "l.safetensors")
    kinds = {"LoRA": sum(t.ndim == 2 for t in base.values()), "diff": 0, "diff_b": 0}
    for name, tensor in base.items():
        if tensor.ndim == 1:
            kinds["diff_b" if name.endswith("bias") else "diff"] += 1
    assert f"{kinds['LoRA']} modules of rank 2" in output
    assert f"{kinds['diff']} modules as whole vectors, {kinds['diff_b']} modules of biases" in output
    assert "the rank leaves out 0.0% of the difference" in output
    assert f"left out: {len(vae)} tensors" in output
    run("merge", names[0], tmp_path / "l.safetensors", "-o", tmp_path / "again.safetensors")
    again = load_file(tmp_path / "again.safetensors")
    for name, tensor in changed.items():
        error = (again[name] - tensor).norm() / (tensor - base[name]).norm()
        assert float(error) < 1e-3, name
    loras = ActiveLoras(models.dit, models.encoder.adapter, models.encoder.text.model)
    loras.apply([(loras.read(tmp_path / "l.safetensors"), 1.0, 1.0)])
    got = models.encoder.adapter.embed(torch.arange(400))
    wanted = changed["model.diffusion_model.llm_adapter.embed.weight"]
    torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(
        models.encoder.text.model.embed_tokens(torch.arange(400)),
        changed["text_encoders.qwen3_06b.transformer.model.embed_tokens.weight"],
        atol=1e-4,
        rtol=1e-3,
    )


def test_extraction_of_text_encoders_alone(tmp_path: Path) -> None:
    base = text_weights()
    save_file(base, tmp_path / "base.safetensors")
    save_file(tuned(base), tmp_path / "tuned.safetensors")
    names = [tmp_path / f"{name}.safetensors" for name in ("base", "tuned")]
    run("extract", *names, "--rank", 2, "-o", tmp_path / "l.safetensors")
    assert all(name.startswith("text_encoders.qwen3_06b.") for name in load_file(tmp_path / "l.safetensors"))


def test_extraction_says_what_the_rank_leaves_out_and_which_part_is_missing(tmp_path: Path) -> None:
    base = {f"net.{name}": tensor for name, tensor in dit_weights(adapter=None).items()}
    changed = tuned(base) | {f"net.{name}": tensor for name, tensor in dit_weights().items() if "llm" in name}
    save_file(base, tmp_path / "base.safetensors")
    save_file(changed, tmp_path / "tuned.safetensors")
    names = [tmp_path / f"{name}.safetensors" for name in ("base", "tuned")]
    output = run("extract", *names, "--rank", 1, "-o", tmp_path / "l.safetensors")
    share = float(output.split("leaves out ")[1].split("%")[0])
    assert 40 < share < 80
    count = sum("llm" in name for name in changed)
    assert f"left out: {count} tensors (adapter:" in output


def test_two_models_of_other_sizes_or_without_a_difference() -> None:
    base = {"dit": {name: lambda tensor=tensor: tensor for name, tensor in dit_weights(adapter=None).items()}}
    with pytest.raises(LoraError, match="do not differ"):
        extract_lora(base, base, rank=4)
    fewer = {"dit": {name: read for name, read in base["dit"].items() if "blocks.1." not in name}}
    with pytest.raises(LoraError, match="different weights"):
        extract_lora(base, fewer, rank=4)
