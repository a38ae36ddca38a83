"""Samplers: from noise to data along a list of sigmas, one plain function each.

A sampler is called with

- ``model(x, sigma)``, which returns the denoised prediction at a sigma (guidance is inside);
  ``model.predict_both(x, sigma)`` returns it with the unguided prediction, for the ``_cfg_pp`` samplers,
- ``x``, latents at the first sigma, float32,
- ``sigmas``, float32 on the CPU, descending, usually ending in 0,
- ``noise(sigma, sigma_next)``, standard normal tensors of the shape of ``x``,

and returns x at the last sigma. Every loop visits ``sigma, sigma_next``. A slope is ``d = (x - denoised) / sigma``, and
``lam`` is the half log signal-to-noise ratio ``ln((1 - sigma) / sigma)`` of rectified flow. All scalars are float32
tensors, so that results agree with ComfyUI to float error. The ``_cfg_pp`` forms (CFG++, Chung et al. 2024) take their
direction from the unguided prediction; each stands beside the sampler that it is a form of.

To add one: write the function in a file of its name, add it to ``_FUNCTIONS`` (and to ``BROWNIAN`` if its noise is one
path), and run ``pytest tests/infer/sampling --update-golden``.

Source: the papers named at each function; ComfyUI 0.29.0 (the forms for rectified flow).
"""

from __future__ import annotations

from anima_infer.sampling.samplers.ddpm import ddpm
from anima_infer.sampling.samplers.deis import deis
from anima_infer.sampling.samplers.dpm import dpm_2, dpm_2_ancestral, dpm_fast
from anima_infer.sampling.samplers.dpmpp import (
    dpmpp_2m,
    dpmpp_2m_cfg_pp,
    dpmpp_2s_ancestral,
    dpmpp_2s_ancestral_cfg_pp,
)
from anima_infer.sampling.samplers.dpmpp_sde import dpmpp_2m_sde, dpmpp_2m_sde_heun, dpmpp_3m_sde, dpmpp_sde
from anima_infer.sampling.samplers.er_sde import er_sde
from anima_infer.sampling.samplers.euler import euler, euler_ancestral, euler_ancestral_cfg_pp, euler_cfg_pp
from anima_infer.sampling.samplers.gradient_estimation import gradient_estimation, gradient_estimation_cfg_pp
from anima_infer.sampling.samplers.heun import heun, heunpp2
from anima_infer.sampling.samplers.ipndm import ipndm, ipndm_v
from anima_infer.sampling.samplers.lcm import lcm
from anima_infer.sampling.samplers.lms import lms
from anima_infer.sampling.samplers.res_multistep import (
    res_multistep,
    res_multistep_ancestral,
    res_multistep_ancestral_cfg_pp,
    res_multistep_cfg_pp,
)
from anima_infer.sampling.samplers.sa_solver import sa_solver, sa_solver_pece
from anima_infer.sampling.samplers.seeds import exp_heun_2_x0, exp_heun_2_x0_sde, seeds_2, seeds_3
from anima_infer.sampling.samplers.steps import Model, Sampler
from anima_infer.sampling.samplers.uni_pc import uni_pc, uni_pc_bh2

__all__ = ["ALIASES", "BROWNIAN", "SAMPLERS", "Model", "Sampler"]

_FUNCTIONS: tuple[Sampler, ...] = (
    *(euler, heun, heunpp2, dpm_2, gradient_estimation, ipndm, ipndm_v, lms, deis, dpm_fast, dpmpp_2m, res_multistep),
    *(res_multistep_ancestral, euler_ancestral, dpm_2_ancestral, dpmpp_2s_ancestral, lcm, ddpm),
    *(dpmpp_2m_sde, dpmpp_2m_sde_heun, dpmpp_3m_sde, dpmpp_sde, er_sde, seeds_2, seeds_3),
    *(exp_heun_2_x0, exp_heun_2_x0_sde, sa_solver, sa_solver_pece, uni_pc, uni_pc_bh2),
    *(euler_cfg_pp, euler_ancestral_cfg_pp, dpmpp_2s_ancestral_cfg_pp, dpmpp_2m_cfg_pp, gradient_estimation_cfg_pp),
    *(res_multistep_cfg_pp, res_multistep_ancestral_cfg_pp),
)

BROWNIAN = frozenset({"dpmpp_2m_sde", "dpmpp_2m_sde_heun", "dpmpp_3m_sde", "dpmpp_sde"})
"""Samplers whose noise is one Brownian path."""

ALIASES = {
    "euler_a": "euler_ancestral",
    "ddim": "euler",
    **{f"{name}_gpu": name for name in sorted(BROWNIAN)},
}
"""Second names. ``_gpu`` says where ComfyUI draws the noise; here that is always the CPU."""

SAMPLERS: dict[str, Sampler] = {function.__name__: function for function in _FUNCTIONS}
SAMPLERS |= {alias: SAMPLERS[name] for alias, name in ALIASES.items()}
