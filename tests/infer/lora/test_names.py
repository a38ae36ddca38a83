"""Facts about names in LoRA files: every spelling leads to one module, and what is not Anima's is listed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from anima_infer.errors import LoraError
from anima_infer.lora import Lora, find_module, spellings
from anima_infer.lora.names import _ADAPTER, _DIT, _TEXT
from anima_infer.model.adapter import Adapter
from anima_infer.model.dit import Dit
from anima_infer.model.text import TextEncoder
from tests.infer.tiny import ADAPTER, DIT, TEXT, small_lora


def modules_of(network: nn.Module) -> set[str]:
    return {name for name, module in network.named_modules() if any(True for _ in module.parameters(recurse=False))}


def test_the_tables_have_every_module_of_the_networks() -> None:
    with torch.device("meta"):
        networks = Dit(DIT), Adapter(ADAPTER), TextEncoder(TEXT).model
    for names, network, extra in zip((_DIT, _ADAPTER, _TEXT), networks, (set(), {"in_proj"}, set()), strict=True):
        first = {name for name in modules_of(network) if not name.startswith(("blocks.1.", "layers.1."))}
        assert set(names) == first | extra


def test_every_spelling_leads_to_its_module() -> None:
    for network, names in (("dit", _DIT), ("adapter", _ADAPTER), ("text", _TEXT)):
        for name in names:
            for block in ("0", "7", "51"):
                module = f"{network}:{name.replace('.0.', f'.{block}.', 1) if name[:2] in ('bl', 'la') else name}"
                for spelling in spellings(module):
                    for wrapper in ("", "base_model.model.", "base_model.model.model."):
                        assert find_module(wrapper + spelling) == module


@pytest.mark.parametrize(
    ("spelling", "module"),
    [
        ("lora_unet_blocks_3_adaln_modulation_self_attn_2", "dit:blocks.3.adaln_modulation_self_attn.2"),
        ("lora_unet_t_embedder_1_linear_1", "dit:t_embedder.1.linear_1"),
        ("lora_unet_llm_adapter_blocks_0_mlp_2", "adapter:blocks.0.mlp.2"),
        ("lora_te_layers_27_mlp_gate_proj", "text:layers.27.mlp.gate_proj"),
        ("diffusion_model.final_layer.adaln_modulation.2", "dit:final_layer.adaln_modulation.2"),
        ("net.blocks.0.self_attn.q_proj", "dit:blocks.0.self_attn.q_proj"),
        ("transformer.transformer_blocks.0.norm3.linear_2", "dit:blocks.0.adaln_modulation_mlp.2"),
        ("transformer.llm_adapter.blocks.1.cross_attn.o_proj", "adapter:blocks.1.cross_attn.o_proj"),
        ("text_conditioner.blocks.5.self_attn.k_proj", "adapter:blocks.5.self_attn.k_proj"),
        ("transformer_blocks.39.ff.net.0.proj", "dit:blocks.39.mlp.layer1"),
        ("base_model.model.transformer_blocks.39.ff.net.2", "dit:blocks.39.mlp.layer2"),
        ("base_model.model.blocks.0.cross_attn.output_proj", "dit:blocks.0.cross_attn.output_proj"),
        ("base_model.model.transformer.transformer_blocks.0.attn1.to_q", "dit:blocks.0.self_attn.q_proj"),
        ("lycoris_blocks_12_self_attn_q_proj", "dit:blocks.12.self_attn.q_proj"),
        ("lycoris_transformer_blocks_12_attn1_to_out_0", "dit:blocks.12.self_attn.output_proj"),
        ("lora_transformer_transformer_blocks_12_attn2_to_v", "dit:blocks.12.cross_attn.v_proj"),
        ("lora_transformer_blocks_12_attn2_to_v", "dit:blocks.12.cross_attn.v_proj"),
        ("lora_transformer_blocks_12_self_attn_v_proj", "dit:blocks.12.self_attn.v_proj"),
        ("text_encoders.qwen3_06b.transformer.model.layers.0.self_attn.q_proj", "text:layers.0.self_attn.q_proj"),
        ("text_encoder.model.layers.0.self_attn.q_proj", "text:layers.0.self_attn.q_proj"),
        ("text_encoder.layers.0.self_attn.q_proj", "text:layers.0.self_attn.q_proj"),
        ("lora_unet_input_blocks_1_1_proj_in", None),
        ("transformer.single_transformer_blocks.0.attn.to_q", None),
        ("diffusion_model.blocks.0.attn.qkv", None),
        ("diffusion_model.blocks.00.mlp.layer1", None),
    ],
)
def test_spellings_of_every_program(spelling: str, module: str | None) -> None:
    assert find_module(spelling) == module


def one(name: str, *shape: int) -> dict[str, Tensor]:
    return {name: torch.zeros(shape or (4, 4))}


FOREIGN = {
    **{f"diffusion_model.double_blocks.{i}.img_attn.qkv.lora_A.weight": torch.zeros(4, 8) for i in range(19)},
    "diffusion_model.img_in.lora_A.weight": torch.zeros(4, 8),
}


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (one("lora_unet_input_blocks_1_1_proj_in.lora_down.weight"), "all modules not found in Anima"),
        (
            small_lora() | FOREIGN,
            r"20 modules not found in Anima \(diffusion_model.double_blocks.\*.img_attn.qkv \(19\), "
            r"diffusion_model.img_in\), and 4 found",
        ),
        (
            small_lora() | one("diffusion_model.blocks.0.mlp.layer1.scalar", 1),
            r"1 module not found in Anima \(diffusion_model.blocks.0.mlp.layer1.scalar\)",
        ),
        (one("diffusion_model.blocks.0.mlp.layer1.lora_A.weight", 4, 128), "the file is incomplete"),
        ({"diffusion_model.blocks.0.mlp.layer1.diff": torch.tensor([float("nan")])}, "not finite"),
        (small_lora() | one("net.blocks.0.self_attn.q_proj.lora_A.weight"), "contains 'down' of .* twice"),
        (one("lora_unet_blocks_0_mlp_layer1.a1.weight"), "contains GLoRA, which is not supported"),
        (one("lora_unet_blocks_0_mlp_layer1.oft_blocks", 4, 8, 8), "contains OFT,"),
        (one("diffusion_model.blocks.0.mlp.layer1.oft_R.weight", 4, 28), "contains OFT,"),
        (one("lora_unet_blocks_0_mlp_layer1.oft_blocks", 2, 4, 8, 8), "contains BOFT,"),
        (one("base_model.model.blocks.0.mlp.layer1.boft_R", 2, 4, 8, 8), "contains BOFT,"),
        (one("lycoris_blocks_0_mlp_layer1.lambda_layer", 4), "contains T-LoRA,"),
        (one("lycoris_blocks_0_mlp_layer1.q_layer.weight", 4, 4), "contains T-LoRA,"),
        (one("lllite_dit_blocks_0_self_attn_q_proj.down", 4), "contains ControlNet-LLLite,"),
    ],
)
def test_files_that_are_refused_in_a_line(tmp_path: Path, weights: dict[str, Tensor], said: str) -> None:
    save_file(weights, tmp_path / "a.safetensors")
    with pytest.raises(LoraError, match=said) as caught:
        Lora.read(tmp_path / "a.safetensors")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "a.safetensors"))


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"ss_network_args": json.dumps({"algo": "tlora"}), "ss_network_module": "lycoris.kohya"}, "T-LoRA"),
        ({"ss_network_args": json.dumps({"algo": "glora"})}, "GLoRA"),
        ({"ss_network_module": "networks.tlora_anima"}, "T-LoRA"),
        ({"ss_network_args": json.dumps({"algo": "lora"}), "ss_network_module": "networks.lora_anima"}, None),
        ({"ss_network_args": "not json"}, None),
    ],
)
def test_the_header_names_the_algorithm(tmp_path: Path, metadata: dict[str, str], name: str | None) -> None:
    save_file(small_lora(), tmp_path / "a.safetensors", metadata)
    if name is None:
        assert len(Lora.read(tmp_path / "a.safetensors").deltas) == 4
        return
    with pytest.raises(LoraError, match=f"contains {name},"):
        Lora.read(tmp_path / "a.safetensors")


def test_alpha_zero_has_no_effect_and_a_note(tmp_path: Path) -> None:
    weights = small_lora() | {"diffusion_model.t_embedder.1.linear_1.alpha": torch.tensor(0.0)}
    save_file(weights, tmp_path / "a.safetensors")
    assert Lora.read(tmp_path / "a.safetensors").notes == ("alpha is 0 in 1 of 4 modules, which have no effect",)


def test_inspecting_a_lora_imports_neither_compiler_nor_transformers(tmp_path: Path) -> None:
    save_file(small_lora(), tmp_path / "a.safetensors")
    program = (
        "import sys; from anima_infer.cli.lora import inspect; from pathlib import Path\n"
        f"inspect(Path({str(tmp_path / 'a.safetensors')!r}), as_json=True)\n"
        "print([m for m in ('torch._dynamo', 'transformers', 'scipy') if m in sys.modules], file=sys.stderr)"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "[]"
    assert json.loads(done.stdout)["modules"] == 4
