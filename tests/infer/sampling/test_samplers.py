"""Facts about samplers: on data whose flow is known, they follow it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anima_infer.sampling.noise import BrownianNoise, GaussianNoise, initial_noise
from anima_infer.sampling.samplers import ALIASES, BROWNIAN, SAMPLERS
from anima_infer.sampling.schedule import sigmas_for


class Gaussian:
    """The exact denoiser for data that are normal with mean 2 and deviation 0.5: its flow is known in closed form."""

    shift = 3.0
    mean, std = 2.0, 0.5

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        s = sigma.double()
        variance = (1 - s) ** 2 * self.std**2 + s**2
        made = self.mean + (1 - s) * self.std**2 / variance * (x.double() - (1 - s) * self.mean)
        return made.float()

    def predict_both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
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
