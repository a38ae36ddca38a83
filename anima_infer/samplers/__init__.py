"""Samplers: from noise to data along a list of sigmas, one plain function each.

A sampler is called with

- ``model(x, sigma)``, which returns the denoised prediction D at a sigma (guidance is inside);
  ``model.both(x, sigma)`` returns D and the unguided prediction U, for the ``_cfg_pp`` samplers,
- ``x`` at the first sigma, float32,
- ``sigmas``, float32 on the CPU, descending, usually ending in 0,
- ``noise(start, end)``, standard normal tensors of x's shape.

and returns x at the last sigma. In comments and names: ``s`` is the sigma of a step, ``t`` the next one, D the denoised
prediction, d = (x - D) / s the slope, and ``lam`` the half log signal-to-noise ratio ln((1 - s) / s) of rectified flow.
All scalars are float32 tensors, so that results agree with the reference to float error. The ``_cfg_pp`` forms (CFG++,
Chung et al. 2024) take their direction from U; each stands beside the sampler that it is a form of.

Sources are named at each function; the forms for rectified flow are what ComfyUI 0.29.0 computes.
"""

from __future__ import annotations

from anima_infer.samplers.ancestral import (
    ddpm,
    dpm_2_ancestral,
    dpmpp_2s_ancestral,
    dpmpp_2s_ancestral_cfg_pp,
    euler_ancestral,
    euler_ancestral_cfg_pp,
    euler_cfg_pp,
    lcm,
)
from anima_infer.samplers.exponential import (
    dpmpp_2m,
    dpmpp_2m_cfg_pp,
    res_multistep,
    res_multistep_ancestral,
    res_multistep_ancestral_cfg_pp,
    res_multistep_cfg_pp,
)
from anima_infer.samplers.flow import (
    dpm_2,
    dpm_fast,
    euler,
    gradient_estimation,
    gradient_estimation_cfg_pp,
    heun,
    heunpp2,
)
from anima_infer.samplers.multistep import deis, ipndm, ipndm_v, lms
from anima_infer.samplers.stages import exp_heun_2_x0, exp_heun_2_x0_sde, seeds_2, seeds_3
from anima_infer.samplers.steps import Model, Sampler
from anima_infer.samplers.stochastic import dpmpp_2m_sde, dpmpp_2m_sde_heun, dpmpp_3m_sde, dpmpp_sde, er_sde
from anima_infer.samplers.stochastic_adams import sa_solver, sa_solver_pece
from anima_infer.samplers.unified import uni_pc, uni_pc_bh2

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
"""Other names of the same thing. ``_gpu`` only says where the reference draws its noise; here it is always the CPU."""

SAMPLERS: dict[str, Sampler] = {function.__name__: function for function in _FUNCTIONS}
SAMPLERS |= {alias: SAMPLERS[name] for alias, name in ALIASES.items()}
