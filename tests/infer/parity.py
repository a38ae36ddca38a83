"""Comparison with the numbers of ComfyUI 0.29.0 and diffusers, which may lie beside the checkout.

``test_parity`` runs all of it; the smaller files in ``tests/golden`` are only rewritten where it passes.
"""

from __future__ import annotations

import importlib.util
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from anima_infer.checkpoint import WeightFile, diffusers_dit_name, diffusers_vae_name
from anima_infer.checkpoint.loading import load_text_encoder
from anima_infer.images import to_image
from anima_infer.lora import ActiveLoras
from anima_infer.model.adapter import Adapter
from anima_infer.model.config import AdapterConfig, DitConfig, TextConfig, VaeConfig
from anima_infer.model.dit import Dit
from anima_infer.model.inputs import Conditioning, stack
from anima_infer.model.text import TextEncoder
from anima_infer.model.vae import Vae, collapse_time
from anima_infer.sampling.guidance import Apg, Guidance
from anima_infer.sampling.noise import BrownianNoise, GaussianNoise, initial_noise
from anima_infer.sampling.samplers import SAMPLERS
from anima_infer.sampling.schedule import SCHEDULERS, sigma_table, sigmas_for
from anima_prompt import weighted_segments
from anima_prompt.tokens import Tokenizers
from tests.infer.sampling.analytic import SEED, SHAPE, Run, sample

CLOSE = {"atol": 2e-5, "rtol": 1e-4}
LEFT_OUT = {"dpm_adaptive"}
"""Samplers that the reference has and we do not."""


@cache
def load_recipe(golden_files: Path) -> Any:
    """Return the module that builds the weights which the numbers were computed with."""
    spec = importlib.util.spec_from_file_location("recipe", golden_files / "recipe.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shapes(weights: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in weights.items()}


def tiny_dit(recipe: Any) -> Dit:
    weights = recipe.build(recipe.dit_table(**recipe.TINY_DIT))
    dit = Dit(DitConfig.from_shapes(shapes(weights)))
    dit.load_state_dict(weights)
    return dit


def tiny_adapter(recipe: Any) -> Adapter:
    table = recipe.build(recipe.adapter_table(**recipe.TINY_ADAPTER))
    weights = {name.removeprefix("llm_adapter."): tensor for name, tensor in table.items()}
    adapter = Adapter(AdapterConfig.from_shapes(shapes(weights)))
    adapter.load_state_dict(weights)
    return adapter


@torch.inference_mode()
def check_adapter(golden_files: Path) -> None:
    recipe = load_recipe(golden_files)
    golden, adapter = load_file(golden_files / "dit_tiny.safetensors"), tiny_adapter(recipe)
    for index in range(4):
        rows = adapter(golden[f"adapter.{index}.hidden"], golden[f"adapter.{index}.ids"])
        torch.testing.assert_close(rows, golden[f"adapter.{index}.raw"], **CLOSE)
        weighted = rows * golden[f"adapter.{index}.weights"]
        head = golden[f"adapter.{index}.out_head"]
        padded = torch.nn.functional.pad(weighted, (0, 0, 0, head.shape[1] - rows.shape[1]))
        torch.testing.assert_close(padded, head, **CLOSE)


@torch.inference_mode()
def check_adapter_with_masks(golden_files: Path) -> None:
    recipe = load_recipe(golden_files)
    golden, adapter = load_file(golden_files / "adapter_masked_tiny.safetensors"), tiny_adapter(recipe)
    rows = adapter(
        golden["batch.hidden"],
        golden["batch.ids"],
        source_mask=golden["batch.source_mask"].bool(),
        mask=golden["batch.target_mask"].bool(),
    )
    expected = golden["batch.out"]
    padded = torch.nn.functional.pad(rows, (0, 0, 0, expected.shape[1] - rows.shape[1]))
    torch.testing.assert_close(padded, expected, **CLOSE)
    blank = adapter(torch.zeros(1, 1, 64), torch.tensor([[1]]), source_mask=torch.zeros(1, 1, dtype=torch.bool))
    torch.testing.assert_close(blank, golden["uncond_zero.out_row0"], **CLOSE)


@torch.inference_mode()
def check_dit(golden_files: Path) -> None:
    recipe = load_recipe(golden_files)
    golden, dit = load_file(golden_files / "dit_tiny.safetensors"), tiny_dit(recipe)

    def context(rows: Tensor) -> Conditioning:
        return Conditioning(rows if rows.ndim == 3 else rows[None], (rows.shape[-2],))

    one, two = context(golden["dit.ctx_head"]), context(golden["dit.ctx1_head"])
    cases = {"8x8": [one], "6x10": [one], "odd7x9": [one], "long": [one], "batch2": [one, two], "batch2t": [two, one]}
    for case, contexts in cases.items():
        x, t, y = (golden[f"dit.{case}.{part}"] for part in "xty")
        velocity = dit(x[:, :, 0], dit.compute_modulation(t), dit.compute_keys_values(stack(contexts)))
        torch.testing.assert_close(velocity, y[:, :, 0], **CLOSE, msg=case)
    rope = dit._rope(4, 4, torch.device("cpu"))
    torch.testing.assert_close(rope.cos, golden["dit.8x8.rope_cos"], **CLOSE)
    torch.testing.assert_close(rope.sin, golden["dit.8x8.rope_sin"], **CLOSE)


@torch.inference_mode()
def check_vae(golden_files: Path) -> None:
    recipe = load_recipe(golden_files)
    golden = load_file(golden_files / "vae_tiny.safetensors")
    weights = recipe.build(recipe.vae_table(**recipe.TINY_VAE))
    vae = Vae(VaeConfig.from_shapes(shapes(weights)))
    vae.load_state_dict(collapse_time(weights))
    for case in "abcd":
        pixels, latent = golden[f"enc.{case}.pixels"], golden[f"enc.{case}.latent"]
        torch.testing.assert_close(vae.encode(pixels[:, :, 0]), latent[:, :, 0], **CLOSE)
        made = vae.decode(golden[f"dec.{case}.latent"][:, :, 0])
        torch.testing.assert_close(made, golden[f"dec.{case}.pixels"].squeeze(2), **CLOSE)
        levels_ = torch.from_numpy(np.array(to_image(made[0])))
        stored = golden[f"dec.{case}.u8"].squeeze()
        stored = stored if stored.shape == levels_.shape else stored.permute(1, 2, 0)
        difference = (levels_.int() - stored.int()).abs()
        assert difference.max() <= 1
        assert (difference > 0).float().mean() < 0.005


@torch.inference_mode()
def check_text_encoder(golden_files: Path) -> None:
    recipe, tmp_path = load_recipe(golden_files), Path(tempfile.mkdtemp())
    golden = load_file(golden_files / "te_tiny.safetensors")
    weights = recipe.build(recipe.qwen_table(**recipe.TINY_QWEN))
    save_file(weights, tmp_path / "qwen.safetensors")
    file = WeightFile.open(tmp_path / "qwen.safetensors")
    text: TextEncoder = load_text_encoder(file, dtype=torch.float32, device=torch.device("cpu"))
    assert TextConfig.from_shapes({n.removeprefix("model."): s for n, s in shapes(weights).items()}).kv_heads == 2
    index = 0
    while f"{index}.ids" in golden:
        hidden = text(golden[f"{index}.ids"].long())
        torch.testing.assert_close(hidden, golden[f"{index}.hidden"], **CLOSE)
        index += 1
    assert index >= 3


def check_token_ids(golden_files: Path) -> None:
    shared = golden_files.parent
    tokenizers = Tokenizers.from_folders(shared / "tokenizers" / "qwen3", shared / "tokenizers" / "t5")
    entries = json.loads((golden_files / "tokens.json").read_text())["entries"]
    for entry in entries:
        prompt = entry["prompt"]
        if "embedding:" in prompt or "</s>" in prompt:
            continue  # an embedding folder was set there; two versions of one library differ on </s>
        tokens = tokenizers.encode((s.text, float(s.weight)) for s in weighted_segments(prompt))
        assert list(tokens.qwen) == entry["qwen"], prompt
        assert list(tokens.t5) == entry["t5"], prompt
        assert str(list(tokens.weights)) == str([float(w) for w in entry["t5_weights"]]), prompt
    assert len(entries) > 40


def check_schedules(golden_files: Path) -> None:
    golden = json.loads((golden_files / "schedules.json").read_text())
    torch.testing.assert_close(sigma_table().sigmas, torch.tensor(golden["sigmas_table_1000"]), atol=0, rtol=0)
    for name, by_steps in golden["schedules"].items():
        for steps, values in by_steps.items():
            expected = torch.tensor([float("nan") if v is None else v for v in values])
            if torch.isfinite(expected).all():
                torch.testing.assert_close(SCHEDULERS[name](int(steps), sigma_table()), expected, atol=1e-7, rtol=0)
    for case, values in golden["ksampler_denoise"].items():
        sampler, scheduler, steps, denoise = case.split("|")
        sigmas = sigmas_for(int(steps), scheduler, sampler=sampler, denoise=float(denoise))
        torch.testing.assert_close(sigmas, torch.tensor(values, dtype=torch.float32), atol=1e-7, rtol=0)


def check_samplers(golden_files: Path) -> None:
    golden = load_file(golden_files / "samplers.safetensors")
    setup = json.loads((golden_files / "samplers.json").read_text())
    torch.testing.assert_close(initial_noise(SHAPE, SEED), golden["noise_seed_1234"], atol=0, rtol=0)
    left_out = set()
    for key, expected in golden.items():
        if "|" not in key:
            continue
        name, mode = key.split("|")
        if name not in SAMPLERS:
            left_out.add(name)
            continue
        how = setup["modes"][mode]
        run = Run(how["sched"], how["steps"], how["cfg"], how.get("denoise", 1.0))
        image = golden["img"] if "img" in how else None
        mask = golden["mask"] if "mask" in how else None
        made = sample(name, run, image=image, mask=mask)
        torch.testing.assert_close(made, expected, atol=1e-5, rtol=0, msg=lambda m, key=key: f"{key}: {m}")
    assert left_out == LEFT_OUT


def check_noise(golden_files: Path) -> None:
    golden = load_file(golden_files / "misc.safetensors")
    exact = {"atol": 0, "rtol": 0}
    for name, expected in golden.items():
        if name.startswith("noise.1024px.seed"):
            seed = int(name.split("seed")[1].split(".")[0])
            made = initial_noise((1, 16, 1, 128, 128), seed).flatten()[:64]
            torch.testing.assert_close(made, expected, **exact)
    torch.testing.assert_close(initial_noise((3, 16, 1, 4, 4), 9), golden["noise.batch3.seed9"], **exact)
    steps = GaussianNoise(golden["step_noise.cpu.seed1234.call0"], 1234)
    for call in range(3):
        drawn = steps(torch.tensor(1.0), torch.tensor(0.5))
        torch.testing.assert_close(drawn, golden[f"step_noise.cpu.seed1234.call{call}"], **exact)
    sigmas = golden["brownian.simple8.sigmas"]
    path = BrownianNoise(golden["brownian.simple8.seed1234.0"], 1234, sigmas)
    for index in range(7):
        made = path(sigmas[index], sigmas[index + 1])
        torch.testing.assert_close(made, golden[f"brownian.simple8.seed1234.{index}"], atol=1e-6, rtol=1e-5)


def check_guidance(golden_files: Path) -> None:
    golden = load_file(golden_files / "misc.safetensors")
    x, cond, uncond = golden["cfg.x"], golden["cfg.cond"], golden["cfg.uncond"]
    cases = {
        "plain4": Guidance(4),
        "zero_star": Guidance(4, zero_star=True),
        "apg_eta1_norm0": Guidance(4, apg=Apg(1, 0, 0)),
        "apg_eta1_norm5_mom0": Guidance(4, apg=Apg(1, 5, 0)),
        "apg_eta0_norm15_mom-0.5": Guidance(4, apg=Apg(0, 15, -0.5)),
    }
    for name, guidance in cases.items():
        torch.testing.assert_close(guidance.mix(x, cond, uncond, 0.7), golden[f"cfg.{name}"], **CLOSE)


@torch.inference_mode()
def effective(network: torch.nn.Module, name: str) -> Tensor:
    """Return a weight or bias under the active LoRAs, by what the module does to unit vectors."""
    owner, _, leaf = name.rpartition(".")
    module = network.get_submodule(owner)
    stored: Tensor = getattr(module, "base", module).get_parameter(leaf)
    if stored.ndim == 1 and leaf == "weight":
        flat = torch.ones(1, len(stored))
        result: Tensor = module(flat)[0]
        return result
    inputs = module.weight.shape[1]
    zero = module(torch.zeros(1, inputs))
    return zero[0] if leaf == "bias" else (module(torch.eye(inputs)) - zero).T


def check_lora(golden_files: Path) -> None:
    recipe, tmp_path = load_recipe(golden_files), Path(tempfile.mkdtemp())
    golden = load_file(golden_files / "lora.safetensors")
    dit, adapter = tiny_dit(recipe), tiny_adapter(recipe)
    before = {name: tensor.clone() for name, tensor in dit.state_dict().items()}
    loras = ActiveLoras(dit, adapter)
    checked = 0
    for case in sorted({name.split(".")[1] for name in golden if name.startswith("in.")}):
        path = tmp_path / f"{case}.safetensors"
        start = f"in.{case}."
        save_file({n.removeprefix(start): t.clone() for n, t in golden.items() if n.startswith(start)}, path)
        lora = loras.read(path)
        for name, expected in golden.items():
            if not name.startswith(f"out.{case}."):
                continue
            target, strength = name.removeprefix(f"out.{case}.").rsplit(".s", 1)
            loras.apply([(lora, float(strength), float(strength))])
            inner = target.removeprefix("diffusion_model.")
            network = adapter if inner.startswith("llm_adapter.") else dit
            weight = effective(network, inner.removeprefix("llm_adapter.")).flatten()
            torch.testing.assert_close(
                weight[: expected.numel()], expected.flatten()[: weight.numel()], atol=1e-6, rtol=1e-5
            )
            checked += 1
    assert checked > 20
    loras.clear()
    assert all(torch.equal(before[name], tensor) for name, tensor in dit.state_dict().items())


def check_names_of_the_diffusers_layout(golden_files: Path) -> None:
    maps = json.loads((golden_files / "keys.json").read_text())["to_diffusers"]
    assert all(diffusers_dit_name(ours.removeprefix("net.")) == theirs for ours, theirs in maps["transformer"].items())
    assert all(diffusers_vae_name(ours) == theirs for ours, theirs in maps["vae"].items())


CHECKS = (
    *(check_adapter, check_adapter_with_masks, check_dit, check_vae, check_text_encoder, check_token_ids),
    *(check_schedules, check_samplers, check_noise, check_guidance, check_lora, check_names_of_the_diffusers_layout),
)
