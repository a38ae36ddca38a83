"""Samplers, schedules, noise and guidance give the committed numbers."""

from __future__ import annotations

from collections.abc import Callable

import torch

from anima_infer.sampling.guidance import Apg, Guidance
from anima_infer.sampling.noise import BrownianNoise, GaussianNoise, initial_noise
from anima_infer.sampling.samplers import SAMPLERS
from anima_infer.sampling.schedule import SCHEDULERS, percent_to_sigma, sigma_table, sigmas_for
from tests.infer import parity
from tests.infer.arithmetic import numbers
from tests.infer.sampling.analytic import SHAPE, Run, sample

RUNS = {
    "simple 8 cfg 4": Run("simple", 8, 4.0),
    "normal 5 cfg 1": Run("normal", 5, 1.0),
    "simple 1 cfg 1": Run("simple", 1, 1.0),
    "simple 10 denoise 0.6 cfg 4": Run("simple", 10, 4.0, denoise=0.6),
}


def test_samplers(check_numbers: Callable[..., None]) -> None:
    image = numbers("image", (1, *SHAPE[1:]))
    mask = (numbers("mask", (1, 1, *SHAPE[2:])) > 0).float()
    cases = {}
    for name in sorted(SAMPLERS):
        for title, run in RUNS.items():
            cases[f"{name}, {title}"] = sample(name, run, image=image if run.denoise < 1 else None)
        cases[f"{name}, masked"] = sample(name, Run("simple", 8, 4.0), image=image, mask=mask)
    check_numbers(
        "samplers",
        cases,
        tolerance=3e-5,  # float32: two implementations of the same mathematics differ by 1e-6 to 1e-5 after eight steps
        about="tests/infer/sampling/analytic.py: an analytic denoiser, noise of seed 1234, the first of two images",
        parity=[parity.check_samplers],
    )


def test_schedules(check_numbers: Callable[..., None]) -> None:
    cases = {"table": sigma_table().sigmas, "table, shift 5": sigma_table(5.0).sigmas}
    for name in SCHEDULERS:
        for steps in (1, 2, 5, 8, 20, 30):
            cases[f"{name} {steps}"] = sigmas_for(steps, name)
    for sampler, name, steps, denoise in (
        *(("euler", "simple", 20, 0.5), ("er_sde", "simple", 20, 0.75), ("euler", "ddim_uniform", 20, 0.5)),
        *(("dpm_2", "simple", 20, 1.0), ("uni_pc", "simple", 20, 1.0), ("dpm_2_ancestral", "beta", 12, 0.7)),
    ):
        cases[f"{sampler} {name} {steps} denoise {denoise}"] = sigmas_for(steps, name, sampler=sampler, denoise=denoise)
    cases["percents"] = torch.tensor([percent_to_sigma(percent) for percent in (0, 0.2, 0.5, 0.8, 1)])
    check_numbers(
        "schedules",
        cases,
        tolerance=3e-7,  # float32 has 24 bits; logarithms and tangents of two processors differ in the last one
        about="sigmas by scheduler and steps; shift 3",
        parity=[parity.check_schedules],
    )


def test_noise(check_numbers: Callable[..., None]) -> None:
    like = torch.zeros(1, 16, 1, 4, 6)
    cases = {f"seed {seed}": initial_noise((1, 16, 1, 16, 16), seed) for seed in (0, 1, 42, 2**32, 2**64 - 1)}
    cases["batch of 3, seed 9"] = initial_noise((3, 16, 1, 4, 4), 9)
    steps, sigmas = GaussianNoise(like, 1234), sigmas_for(8)
    path = BrownianNoise(like, 1234, sigmas)
    for index in range(3):
        cases[f"step noise, seed 1234, call {index}"] = steps(sigmas[index], sigmas[index + 1])
        cases[f"Brownian noise, seed 1234, step {index}"] = path(sigmas[index], sigmas[index + 1])
    check_numbers(
        "noise",
        cases,
        tolerance=1e-6,  # PyTorch's generator is exact; the Brownian tree adds float32 increments
        about="noise on the CPU: PyTorch's generator, torchsde's Brownian tree",
        parity=[parity.check_noise],
    )


def test_guidance(check_numbers: Callable[..., None]) -> None:
    x, cond, uncond = (numbers(name, (2, 16, 4, 6)) for name in ("x", "cond", "uncond"))
    later = numbers("later", (2, 16, 4, 6))
    momentum = Guidance(4, apg=Apg(0, 3, -0.5))
    cases = {
        "scale 4": Guidance(4).mix(x, cond, uncond, 0.7),
        "scale 0.5": Guidance(0.5).mix(x, cond, uncond, 0.7),
        "CFG-Zero*": Guidance(4, zero_star=True).mix(x, cond, uncond, 0.7),
        "APG eta 1, no norm": Guidance(4, apg=Apg(1, 0, 0)).mix(x, cond, uncond, 0.7),
        "APG eta 0, no norm": Guidance(4, apg=Apg(0, 0, 0)).mix(x, cond, uncond, 0.7),
        "APG eta 1, norm 3": Guidance(4, apg=Apg(1, 3, 0)).mix(x, cond, uncond, 0.7),
        "APG eta 0.5, norm 3": Guidance(4, apg=Apg(0.5, 3, 0)).mix(x, cond, uncond, 0.7),
        "APG with CFG-Zero*": Guidance(4, zero_star=True, apg=Apg(0, 3, 0)).mix(x, cond, uncond, 0.7),
        "APG with a frame axis": Guidance(4, apg=Apg(0, 3, 0)).mix(
            x[:, :, None], cond[:, :, None], uncond[:, :, None], 0.7
        ),
        "APG momentum, step 1": momentum.mix(x, cond, uncond, 0.7),
        "APG momentum, step 2": momentum.mix(x, later, uncond, 0.5),
        "APG momentum, the next run": momentum.mix(x, cond, uncond, 0.9),
    }
    check_numbers(
        "guidance",
        cases,
        tolerance=2e-5,  # float32, sums of 24 values
        about="guided predictions of x, cond and uncond by tests/infer/arithmetic.py",
        parity=[parity.check_guidance],
    )
