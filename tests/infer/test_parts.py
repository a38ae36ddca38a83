"""Facts about the networks, the samplers and the way from prompt to picture."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from anima_infer.errors import InferError, SettingsError
from anima_infer.images import save_picture, to_pixels
from anima_infer.model.dit import Context, stacked
from anima_infer.model.vae import decode
from anima_infer.models import Models
from anima_infer.render.job import Job, LoraUse, seeds_from
from anima_infer.render.metadata import parameters_text
from anima_infer.render.preview import Preview
from anima_infer.render.renderer import Renderer
from anima_infer.sampling.denoise import denoise
from anima_infer.sampling.guidance import Apg, Guidance
from anima_infer.sampling.guided_model import Start
from anima_infer.sampling.noise import BrownianNoise, GaussianNoise, initial_noise
from anima_infer.sampling.samplers import ALIASES, BROWNIAN, SAMPLERS
from anima_infer.sampling.schedule import SCHEDULERS, levels, percent_to_sigma, sigmas_for
from anima_infer.sampling.settings import Settings
from anima_prompt.interchange.parameters import read_parameters
from anima_prompt.interchange.pictures import read_picture
from tests.infer.tiny import Tiny

SMALL = Settings(64, 96, 5, guidance=Guidance(4.0))


# --- schedules and samplers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("steps", [1, 2, 7, 30, 200])
def test_schedules_fall_to_zero(name: str, steps: int) -> None:
    sigmas = SCHEDULERS[name](steps, levels())
    assert sigmas.dtype is torch.float32
    assert sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()
    assert 0 < sigmas[0] <= 1


def test_values_at_thirty_steps() -> None:
    """As ComfyUI 0.29.0 has them; the table's rounding makes them differ from diffusers' by up to 0.002."""
    sigmas = sigmas_for(30)
    assert [round(float(sigmas[i]), 6) for i in (0, 1, 15, 29)] == [1.0, 0.988753, 0.75, 0.095506]


def test_denoise_keeps_the_number_of_steps() -> None:
    assert len(sigmas_for(20, denoise=0.5)) == 21
    assert torch.equal(sigmas_for(20, denoise=0.5), sigmas_for(40)[-21:])
    assert len(sigmas_for(20, denoise=0)) == 0
    assert percent_to_sigma(0.5) == 0.75


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"steps": 1001}, "expected 1 to 1000"),
        ({"steps": 5, "scheduler": "magic"}, "scheduler is 'magic'"),
        ({"steps": 5, "denoise": 1.5}, "denoise is 1.5"),
        ({"steps": 5, "shift": 0}, "shift is 0"),
        ({"steps": 5, "shift": float("nan")}, "shift is nan"),
    ],
)
def test_bad_schedules_are_named(bad: dict[str, float], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        sigmas_for(**bad)  # type: ignore[arg-type]


class Gaussian:
    """The exact denoiser for data that are normal with mean 2 and deviation 0.5: its flow is known in closed form."""

    shift = 3.0
    mean, std = 2.0, 0.5

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        s = sigma.double()
        variance = (1 - s) ** 2 * self.std**2 + s**2
        made = self.mean + (1 - s) * self.std**2 / variance * (x.double() - (1 - s) * self.mean)
        return made.float()

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        denoised = self(x, sigma)
        return denoised, denoised


STOCHASTIC = {
    name
    for name in SAMPLERS
    if any(mark in name for mark in ("ancestral", "sde", "lcm", "ddpm", "seeds", "sa_", "euler_a"))
} - {"exp_heun_2_x0"}


@pytest.mark.parametrize("name", sorted(set(SAMPLERS) - STOCHASTIC - {"dpm_2", "euler_cfg_pp"}))
def test_deterministic_samplers_follow_the_flow(name: str) -> None:
    x = initial_noise((1, 16, 1, 8, 8), 3)
    sigmas = sigmas_for(60, sampler=name)
    made = SAMPLERS[name](Gaussian(), x, sigmas, GaussianNoise(x, 3))
    end = float(sigmas[-2]) if name == "dpm_fast" else 0.0  # it stops there, in the reference too
    exact = (1 - end) * Gaussian.mean + ((1 - end) ** 2 * Gaussian.std**2 + end**2) ** 0.5 * x
    most = 0.12 if ALIASES.get(name, name) == "euler" else 0.06
    assert (made - exact).abs().max() < most, "noise is mapped to data by shift and scale"


RES_ANCESTRAL = ("res_multistep_ancestral", "res_multistep_ancestral_cfg_pp")
FOREIGN = {"lcm", "ddpm", "dpm_fast", "dpmpp_2s_ancestral_cfg_pp", *RES_ANCESTRAL}
"""Samplers whose noise is not rectified flow's, or that stop early, in the reference too."""


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_every_sampler_reaches_the_data(name: str) -> None:
    x = initial_noise((1, 16, 1, 24, 24), 5)
    sigmas = sigmas_for(60, sampler=name)
    noise = BrownianNoise(x, 5, sigmas) if ALIASES.get(name, name) in BROWNIAN else GaussianNoise(x, 5)
    made = SAMPLERS[name](Gaussian(), x, sigmas, noise)
    assert torch.isfinite(made).all()
    if name not in FOREIGN:
        assert abs(float(made.mean()) - 2) < 0.03
        assert abs(float(made.std()) - 0.5) < 0.06


def test_brownian_noise_is_one_path() -> None:
    x = torch.zeros(1, 16, 1, 4, 4)
    path = BrownianNoise(x, 1, sigmas_for(8))
    a, b, c = torch.tensor(0.9), torch.tensor(0.5), torch.tensor(0.2)
    whole = path(a, c) * (0.7**0.5)
    parts = path(a, b) * (0.4**0.5) + path(b, c) * (0.3**0.5)
    torch.testing.assert_close(whole, parts, atol=1e-4, rtol=1e-3)


def test_seeds() -> None:
    with pytest.raises(SettingsError, match="seed is -1"):
        initial_noise((1, 16, 1, 2, 2), -1)
    assert list(seeds_from(5, 3)) == [5, 6, 7]
    batch = initial_noise((3, 16, 1, 4, 4), 9)
    assert torch.equal(initial_noise((1, 16, 1, 4, 4), 9)[0], batch[0])


# --- networks --------------------------------------------------------------------------------------------------------


@torch.inference_mode()
def test_one_zero_row_stands_for_all(models: Models) -> None:
    dit = models.dit
    x, level = torch.randn(1, 16, 8, 8), dit.modulation(torch.tensor([0.5]))
    rows = torch.randn(1, 7, 48)
    short = dit(x, level, dit.keys_values(Context(rows, (7,))))
    full = torch.nn.functional.pad(rows, (0, 0, 0, 505))
    long = dit(x, level, dit.keys_values(Context(full, (512,))))
    torch.testing.assert_close(short, long, atol=1e-5, rtol=1e-4)
    fewer = dit(x, level, dit.keys_values(Context(rows, (7,), total=7)))
    assert (fewer - long).abs().max() > 1e-3, "the zero rows do matter"


@torch.inference_mode()
def test_prompts_of_different_length_share_a_batch(models: Models) -> None:
    dit = models.dit
    x, level = torch.randn(2, 16, 8, 8), dit.modulation(torch.tensor([0.5]))
    one, two = Context(torch.randn(1, 3, 48), (3,)), Context(torch.randn(1, 600, 48), (600,))
    both = dit(x, level, dit.keys_values(stacked([one, two])))
    torch.testing.assert_close(both[:1], dit(x[:1], level, dit.keys_values(one)), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(both[1:], dit(x[1:], level, dit.keys_values(two)), atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_half_precision_keeps_the_residual_in_float32(tiny: object, models: Models) -> None:
    dit = models.dit
    x = torch.randn(1, 16, 8, 8)
    one = Context(torch.randn(1, 3, 48), (3,))
    exact = dit(x, dit.modulation(torch.tensor([0.5])), dit.keys_values(one))
    for dtype, close in ((torch.float16, 0.02), (torch.bfloat16, 0.15)):
        other = dit.to(dtype)
        made = other(x, other.modulation(torch.tensor([0.5])), other.keys_values(one))
        assert made.dtype is torch.float32
        assert (made - exact).abs().max() < close


@torch.inference_mode()
@pytest.mark.parametrize("strip", [1, 2, 5])
def test_strips_of_the_encoder_change_nothing(models: Models, strip: int) -> None:
    pixels = torch.randn(1, 3, 104, 48, generator=torch.Generator().manual_seed(4)).clamp(-1, 1)
    whole, parts = models.vae.encode(pixels), models.vae.encode(pixels, strip=strip)
    torch.testing.assert_close(parts, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("strip", [1, 3, 8])
def test_strips_change_nothing(models: Models, strip: int) -> None:
    latents = torch.randn(1, 16, 20, 6)
    whole, parts = models.vae.decode(latents), models.vae.decode(latents, strip=strip)
    torch.testing.assert_close(parts, whole, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_gradients_reach_the_latents(models: Models) -> None:
    with torch.inference_mode(mode=False):
        latents = torch.randn(1, 16, 4, 4, requires_grad=True)
        fresh = {name: tensor.clone() for name, tensor in models.vae.state_dict().items()}
        models.vae.load_state_dict(fresh, assign=True)
        models.vae.decode(latents).square().mean().backward()
        assert latents.grad is not None
        assert latents.grad.abs().sum() > 0


# --- the whole way ---------------------------------------------------------------------------------------------------


def encode(models: Models, text: str) -> Context:
    return models.encoder.encode([(text, 1.0)] if text else [])


def test_a_batch_changes_a_picture_by_float_noise(models: Models) -> None:
    cond, other, empty = (encode(models, text) for text in ("1girl, hat", "a long prompt about a cat", ""))
    alone = denoise(models.dit, [cond], [empty], SMALL, [7])
    batch = denoise(models.dit, [other, cond, cond], [empty] * 3, SMALL, [5, 7, 8])
    torch.testing.assert_close(batch[1:2], alone, atol=1e-4, rtol=1e-3)
    apart = denoise(models.dit, [cond], [empty], SMALL, [7], batched=False)
    torch.testing.assert_close(apart, alone, atol=1e-4, rtol=1e-3)
    assert torch.equal(denoise(models.dit, [cond], [empty], SMALL, [7]), alone), "the same seed, the same bits"


@pytest.mark.parametrize("order", ["aa", "aab", "baa", "aabb", "abab", "abba", "aabbcc", "abcabc"])
def test_every_picture_has_its_own_prompt(models: Models, order: str) -> None:
    texts = {"a": "1girl, hat", "b": "a long prompt about a cat", "c": "night"}
    prompts = {name: encode(models, text) for name, text in texts.items()}
    settings = Settings(64, 64, 2, guidance=Guidance(1.0))
    batch = denoise(models.dit, [prompts[name] for name in order], [], settings, range(len(order)))
    for seed, name in enumerate(order):
        alone = denoise(models.dit, [prompts[name]], [], settings, [seed])
        torch.testing.assert_close(batch[seed : seed + 1], alone, atol=1e-4, rtol=1e-3)


def test_guidance_of_one_never_asks_for_the_negative_prompt(models: Models) -> None:
    cond = encode(models, "1girl")
    settings = Settings(64, 64, 3, guidance=Guidance(1.0))
    with_none = denoise(models.dit, [cond], [], settings, [1])
    assert torch.equal(with_none, denoise(models.dit, [cond], [encode(models, "bad")], settings, [1]))


def test_weights_and_empty_prompts_matter(models: Models) -> None:
    plain, heavy = (models.encoder.encode([("hat", w)]) for w in (1.0, 2.0))
    torch.testing.assert_close(heavy.rows[:, :-1], 2 * plain.rows[:, :-1])
    torch.testing.assert_close(heavy.rows[:, -1], plain.rows[:, -1])
    one, two = models.encoder.encode([]), models.encoder.encode([], zero_if_empty=True)
    assert one.rows.shape == two.rows.shape == (1, 1, 48)
    assert (one.rows - two.rows).abs().max() > 1e-3


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1e39])
def test_a_weight_that_is_not_finite_is_named(models: Models, weight: float) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"weight of 'red hair' is {weight:g}; write a finite number")):
        models.encoder.encode([("1girl, ", 1.0), (" red hair", weight)])


def test_a_mask_keeps_what_it_covers(models: Models) -> None:
    cond, empty = encode(models, "1girl"), encode(models, "")
    known = torch.randn(1, 16, 12, 8)
    mask = torch.zeros(1, 1, 12, 8)
    mask[..., :4] = 1
    made = denoise(models.dit, [cond], [empty], SMALL, [1], start=Start(known, mask))
    torch.testing.assert_close(made[..., 4:], known[..., 4:])
    assert (made[..., :4] - known[..., :4]).abs().max() > 0.1


def test_little_denoising_stays_near(models: Models) -> None:
    cond, empty = encode(models, "1girl"), encode(models, "")
    known = torch.randn(1, 16, 12, 8)
    far, near, none = (
        denoise(
            models.dit, [cond], [empty], Settings(64, 96, 5, guidance=Guidance(2.0), denoise=d), [1], start=Start(known)
        )
        for d in (0.9, 0.1, 0.0)
    )
    assert torch.equal(none, known)
    assert (near - known).abs().mean() < (far - known).abs().mean()


def test_steps_in_two_halves(models: Models) -> None:
    cond, empty = encode(models, "1girl"), encode(models, "")
    settings = Settings(64, 64, 6, "euler", end_step=3)
    assert len(settings.sigmas()) == 4
    assert len(Settings(64, 64, 6, "euler", start_step=3).sigmas()) == 4
    made = denoise(models.dit, [cond], [empty], settings, [1])
    assert torch.isfinite(made).all()


def test_guidance_forms(models: Models) -> None:
    cond, empty = encode(models, "1girl"), encode(models, "")
    made = {
        name: denoise(models.dit, [cond], [empty], Settings(64, 64, 4, guidance=guidance), [1])
        for name, guidance in {
            "plain": Guidance(4.0),
            "zero": Guidance(4.0, zero_star=True),
            "apg": Guidance(4.0, apg=Apg(0.0, 5.0, -0.5)),
            "interval": Guidance(4.0, interval=(0.2, 0.8)),
        }.items()
    }
    assert len({tuple(t.flatten()[:4].tolist()) for t in made.values()}) == 4
    again = Apg(0.0, 5.0, -0.5)
    twice = [
        denoise(models.dit, [cond], [empty], Settings(64, 64, 4, guidance=Guidance(4.0, apg=again)), [1])
        for _ in range(2)
    ]
    assert torch.equal(*twice), "momentum does not reach into the next run"


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"width": 17, "height": 9}, "width is 17; expected a multiple of 16 from 64, such as 64"),
        ({"width": 1000}, "such as 992"),
        ({"width": 8192, "height": 8192}, "16.7 megapixels"),
        ({"sampler": "magic"}, "sampler is 'magic'"),
        ({"steps": 0}, "steps is 0"),
        ({"start_step": 5, "steps": 4}, "do not lie within"),
    ],
)
def test_bad_settings_are_named(bad: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings(**bad)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="guidance scale is inf"):
        Guidance(float("inf"))


def test_a_prompt_of_100_000_characters(models: Models) -> None:
    with pytest.raises(SettingsError, match="tokens; at most 20000"):
        models.encoder.encode([("x" * 100_000, 1.0)])
    long = models.encoder.encode([("x" * 700, 1.0)])
    assert long.lengths[0] > 512


def test_values_that_are_not_finite_are_an_error(models: Models) -> None:
    cond = encode(models, "1girl")
    broken = Context(cond.rows * float("nan"), cond.lengths)
    with pytest.raises(InferError, match="not finite"):
        denoise(models.dit, [broken], [], Settings(64, 64, 2, guidance=Guidance(1.0)), [1])


def test_a_preview_is_like_the_picture(models: Models) -> None:
    noise = torch.randn(1, 16, 12, 12, generator=torch.Generator().manual_seed(1))
    z = torch.nn.functional.avg_pool2d(noise, 3, 1, 1) * 2
    small = Preview(models.vae).pixels(z[0])
    whole = torch.nn.functional.avg_pool2d(decode(models.vae, z)[0], 8)
    likeness = np.corrcoef(small.flatten().numpy(), whole.flatten().numpy())[0, 1]
    assert small.shape == whole.shape
    assert likeness > 0.3, likeness


@pytest.mark.parametrize("mode", ["parts", "blocks"])
def test_offloading_changes_no_bit(tiny: Tiny, models: Models, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """On the CPU nothing has to move, so that moving is played: weights that wait are not finite, sent ones are."""
    from anima_infer.placement import Placement

    job = Job("1girl, hat", "bad", Settings(64, 64, 3, "euler"), seed=3)
    (plain,) = Renderer(models).render([job])
    loaded = Models.load(tiny.files, dtype="fp32", device="cpu", offload=mode)
    good: dict[int, Tensor] = {}
    parked = [loaded.dit, loaded.vae, loaded.encoder.adapter, loaded.encoder.text]
    for network in parked:
        for module in network.modules():
            for name, tensor in module._parameters.items():
                if tensor is not None:
                    blank = torch.nn.Parameter(torch.full_like(tensor, float("nan")), requires_grad=False)
                    module._parameters[name] = blank
                    good[id(blank)] = tensor
    before = [dict(network.named_parameters()) for network in parked]
    most = 0

    def bring(self: Placement, modules: Any) -> Any:
        nonlocal most
        kept = []
        for module in modules:
            for name, tensor in module._parameters.items():
                if tensor is not None and id(tensor) in good:
                    kept.append((module, name, module._parameters, tensor))
                    module._parameters[name] = good[id(tensor)]
        there = sum(id(p) not in good for p in loaded.dit.blocks.parameters())
        most = max(most, there)
        return kept

    monkeypatch.setattr(Placement, "_bring", bring)
    (picture,) = Renderer(loaded).render([job])
    assert picture.image.tobytes() == plain.image.tobytes()
    for network, old in zip(parked, before, strict=True):
        assert all(tensor is old[name] for name, tensor in network.named_parameters()), "everything is put back"
    whole = len(list(loaded.dit.blocks.parameters()))
    assert most == (whole if mode == "parts" else whole // len(loaded.dit.blocks))
    with pytest.raises(SettingsError, match="offload is 'all'"):
        Models.load(tiny.files, device="cpu", offload="all")


def test_float8_storage_computes_in_bf16(tiny: Tiny, models: Models) -> None:
    small = Models.load(tiny.files, dtype="fp8", device="cpu")
    assert small.dit.blocks[0].mlp.layer1.weight.dtype is torch.float8_e4m3fn  # type: ignore[union-attr]
    assert small.dit.dtype is torch.bfloat16
    rough, exact = (
        denoise(m.dit, [encode(m, "1girl")], [], Settings(64, 64, 2, guidance=Guidance(1.0)), [1])
        for m in (small, models)
    )
    assert (rough - exact).abs().mean() < 0.2


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler here")
@pytest.mark.filterwarnings("ignore")
def test_compiled_blocks_make_the_same_picture(models: Models) -> None:
    cond = encode(models, "1girl")
    settings = Settings(64, 64, 2, guidance=Guidance(1.0))
    plain = denoise(models.dit, [cond], [], settings, [1])
    Renderer(models).compile()
    torch.testing.assert_close(denoise(models.dit, [cond], [], settings, [1]), plain, atol=1e-4, rtol=1e-3)


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["png", "webp"])
def test_a_picture_says_how_it_was_made(models: Models, tmp_path: Path, ending: str) -> None:
    job = Job("1girl, (hat:1.2), café", "bad", Settings(64, 96, 3, "euler", shift=5.0), seed=3)
    (picture,) = Renderer(models).render([job])
    assert picture.image.size == (64, 96)
    path = tmp_path / f"a.{ending}"
    save_picture(picture.image, path, parameters=picture.parameters, workflow=picture.workflow)
    (found,) = read_picture(path)
    assert (found.prompt, found.negative) == (job.prompt, job.negative)
    assert (found.settings["steps"], found.settings["width"], found.settings["sampler"]) == ("3", "64", "euler")
    save_picture(picture.image, path, workflow=picture.workflow)
    (from_graph,) = read_picture(path)
    assert (from_graph.prompt, from_graph.negative) == (job.prompt, job.negative)
    assert from_graph.settings["shift"] == "5.0"
    assert list(tmp_path.iterdir()) == [path]


def test_a_picture_says_how_it_was_guided(models: Models, tmp_path: Path) -> None:
    guidance = Guidance(3.0, zero_star=True, apg=Apg.parse("0:15:-0.5"), interval=(0.1, 0.8))
    job = Job("1girl", "bad", Settings(64, 64, 2, "euler", guidance=guidance), seed=3)
    (picture,) = Renderer(models).render([job])
    save_picture(picture.image, tmp_path / "a.png", parameters=picture.parameters, workflow=picture.workflow)
    assert "CFG-Zero*: on, APG: 0:15:-0.5, Guidance interval: 0.1-0.8" in picture.parameters
    assert read_parameters(picture.parameters).settings["shift"] == "3"
    inputs = {node["class_type"]: node["inputs"] for node in picture.workflow.values()}
    assert {"eta": 0, "norm_threshold": 15, "momentum": -0.5}.items() <= inputs["APG"].items()
    sampled_with = picture.workflow[inputs["KSampler"]["model"][0]]
    assert sampled_with["class_type"] == "CFGZeroStar"
    assert read_picture(tmp_path / "a.png")[0].prompt == "1girl"


def test_apg_is_read_and_written() -> None:
    assert Apg.parse("0.5") == Apg(0.5, 5, 0)
    assert str(Apg.parse("0.5:2:-0.25")) == "0.5:2:-0.25"
    for text in ("", "a", "1:2:3:4", "nan"):
        with pytest.raises(SettingsError, match="expected eta, norm and momentum"):
            Apg.parse(text)


def test_parameters_can_be_read_back() -> None:
    job = Job("a\nb", "c", loras=(LoraUse(Path("x/style.safetensors"), 0.5),))
    found = read_parameters(parameters_text(job, "anima"))
    assert (found.prompt, found.negative, found.model) == ("a\nb", "c", "anima")


def test_nothing_half_written(models: Models, tmp_path: Path) -> None:
    picture = Image.new("RGB", (8, 8))
    with pytest.raises(SettingsError, match=r"ending is '\.gif'"):
        save_picture(picture, tmp_path / "a.gif")
    (tmp_path / "file").write_text("")
    with pytest.raises(InferError, match="cannot be written"):
        save_picture(picture, tmp_path / "file" / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_pictures_are_cropped_to_whole_latents() -> None:
    pixels = to_pixels(Image.new("RGBA", (70, 33), (255, 0, 0, 0)))
    assert pixels.shape == (1, 3, 32, 64)
    assert pixels[0, :, 0, 0].tolist() == [1, -1, -1]


@pytest.mark.parametrize(
    ("text", "path", "strengths"),
    [
        ("a.safetensors", "a.safetensors", (1.0, None)),
        ("a.safetensors:0.8", "a.safetensors", (0.8, None)),
        ("a.safetensors:0.8:0.5", "a.safetensors", (0.8, 0.5)),
        ("C:\\x\\a.safetensors", "C:\\x\\a.safetensors", (1.0, None)),
        ("C:\\x\\a.safetensors:-1", "C:\\x\\a.safetensors", (-1.0, None)),
    ],
)
def test_lora_uses(text: str, path: str, strengths: tuple[float, float | None]) -> None:
    use = LoraUse.parse(text)
    assert (str(use.path), (use.strength, use.text)) == (path, strengths)
    with pytest.raises(SettingsError, match="LoRA strength is 'much'"):
        LoraUse.parse("a.safetensors:much")
    with pytest.raises(SettingsError, match="LoRA strength is 'nan'"):
        LoraUse.parse("a.safetensors:nan")
