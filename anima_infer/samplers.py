"""Samplers: from noise to data along a list of sigmas, one plain function each.

A sampler is called with

- ``model(x, sigma)``, which returns the denoised prediction D at a sigma (guidance is inside);
  ``model.both(x, sigma)`` returns D and the unguided prediction U, for the ``_cfg_pp`` samplers,
- ``x`` at the first sigma, float32,
- ``sigmas``, float32 on the CPU, descending, usually ending in 0,
- ``noise(start, end)``, standard normal tensors of x's shape.

and returns x at the last sigma. In comments and names: ``s`` is the sigma of a step, ``t`` the next one, D the denoised
prediction, d = (x - D) / s the slope, and ``lam`` the half log signal-to-noise ratio ln((1 - s) / s) of rectified flow.
All scalars are float32 tensors, so that results agree with the reference to float error.

Sources are named at each function; the forms for rectified flow are what ComfyUI 0.29.0 computes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from anima_infer.noise import StepNoise
from anima_infer.schedule import SHIFT, percent_to_sigma


class Model(Protocol):
    """What samplers ask: the denoised prediction at a sigma."""

    shift: float

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return D."""
        ...

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return D and the prediction without guidance, U."""
        ...


def lam(sigma: Tensor) -> Tensor:
    """Return ln((1 - s) / s)."""
    return -torch.logit(sigma)


def sigma_of(half_log_snr: Tensor) -> Tensor:
    """Return the sigma of a ``lam``."""
    return torch.sigmoid(-half_log_snr)


def nudged(sigmas: Tensor, shift: float = SHIFT) -> Tensor:
    """Return the sigmas with a first one of 1 moved below 1, where ``lam`` is finite."""
    if len(sigmas) > 1 and sigmas[0] >= 1:
        sigmas = sigmas.clone()
        sigmas[0] = percent_to_sigma(1e-4, shift)
    return sigmas


def slope(x: Tensor, denoised: Tensor, sigma: Tensor) -> Tensor:
    """Return dx/dsigma."""
    return (x - denoised) / sigma


# --- solvers of the probability flow in sigma ------------------------------------------------------------------------


def euler(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """First order. Source: Karras et al. 2022, algorithm 2 without churn."""
    for s, t in pairwise(sigmas):
        x = x + slope(x, model(x, s), s) * (t - s)
    return x


def heun(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Second order: mean of the slopes at both ends. Source: Karras et al. 2022, algorithm 2 without churn."""
    for s, t in pairwise(sigmas):
        d = slope(x, model(x, s), s)
        if t == 0:
            x = x + d * (t - s)
        else:
            there = x + d * (t - s)
            x = x + (d + slope(there, model(there, t), t)) / 2 * (t - s)
    return x


def heunpp2(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Up to three slopes, weighted by their sigmas. Source: the reference's heunpp2."""
    first = sigmas[0]
    for i, (s, t) in enumerate(pairwise(sigmas)):
        d = slope(x, model(x, s), s)
        step = t - s
        if t == sigmas[-1]:
            x = x + d * step
            continue
        x2 = x + d * step
        d2 = slope(x2, model(x2, t), t)
        beyond = sigmas[i + 2]
        if beyond == sigmas[-1]:
            w2 = t / (2 * first)
            x = x + ((1 - w2) * d + w2 * d2) * step
        else:
            x3 = x2 + d2 * (beyond - t)
            d3 = slope(x3, model(x3, beyond), beyond)
            w2, w3 = t / (3 * first), beyond / (3 * first)
            x = x + ((1 - w2 - w3) * d + w2 * d2 + w3 * d3) * step
    return x


def dpm_2(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Midpoint in log sigma. Source: Karras et al. 2022; Lu et al. 2022, DPM-Solver-2."""
    for s, t in pairwise(sigmas):
        x = _midpoint(model, x, s, t)
    return x


def _midpoint(model: Model, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
    d = slope(x, model(x, s), s)
    if t == 0:
        return x + d * (t - s)
    middle = s.log().lerp(t.log(), 0.5).exp()
    x2 = x + d * (middle - s)
    return x + slope(x2, model(x2, middle), middle) * (t - s)


def gradient_estimation(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Euler with the change of the slope counted once more. Source: Permenter and Yuan 2023 (gamma 2)."""
    before: Tensor | None = None
    for s, t in pairwise(sigmas):
        denoised = model(x, s)
        d = slope(x, denoised, s)
        if t == 0:
            x = denoised
        else:
            x = x + d * (t - s)
            if before is not None:
                x = x + (d - before) * (t - s)
        before = d
    return x


_ADAMS_BASHFORTH = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))


def ipndm(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Adams-Bashforth up to order 4, as if steps were equal. Source: Zhang and Chen 2022, iPNDM."""
    slopes: list[Tensor] = []
    for s, t in pairwise(sigmas):
        denoised = model(x, s)
        slopes = [slope(x, denoised, s), *slopes[:3]]
        if t == 0:
            x = denoised
            continue
        weights = _ADAMS_BASHFORTH[len(slopes) - 1]
        x = x + (t - s) * sum(w * d for w, d in zip(weights, slopes, strict=True))
    return x


def ipndm_v(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Adams-Bashforth up to order 4 with corrections for unequal steps. Source: Zhang and Chen 2022, iPNDM.

    The corrections are the reference's. They are exact where steps are equal in order 3, nowhere in order 4, and not
    those of ``lms``, which integrates the same polynomials exactly.
    """
    slopes: list[Tensor] = []
    for i, (s, t) in enumerate(pairwise(sigmas)):
        denoised = model(x, s)
        slopes = [slope(x, denoised, s), *slopes[:3]]
        if t == 0:
            x = denoised
            continue
        steps = [sigmas[i + 1 - k] - sigmas[i - k] for k in range(len(slopes))]  # the next one first
        x = x + steps[0] * sum(w * d for w, d in zip(_unequal_weights(*steps), slopes, strict=True))
    return x


def _unequal_weights(
    h: Tensor, h1: Tensor | None = None, h2: Tensor | None = None, h3: Tensor | None = None
) -> list[Tensor]:
    """Return the weights of slopes, the newest first, for a step h after the steps h1, h2, h3."""
    if h1 is None:
        return [torch.ones(())]
    weights = [1 + h / h1 / 2, -h / h1 / 2]
    if h2 is None:
        return weights
    third = (1 - h / (3 * (h + h1)) * (h * (h + h1)) / (h1 * (h1 + h2))) / 2
    weights = [weights[0] + third, weights[1] - third * (1 + h1 / h2), third * h1 / h2]
    if h3 is None:
        return weights
    fourth = (1 - h / (3 * (h + h1))) / 2 + (1 - h / (2 * (h + h1))) * h / (6 * (h + h1 + h2))
    fourth = fourth * h * (h + h1) * (h + h1 + h2) / (h1 * (h1 + h2) * (h1 + h2 + h3))
    q = h1 * (h1 + h2) / (h2 * (h2 + h3))
    change = (torch.ones(()), -(1 + h1 / h2 + q), h1 / h2 + q * (1 + h2 / h3), -q * h1 / h2)
    return [w + fourth * c for w, c in zip([*weights, torch.zeros(())], change, strict=True)]


def lms(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Linear multistep of order 4 over the true sigmas: Lagrange polynomials, integrated exactly."""
    from numpy.polynomial import Polynomial

    nodes, slopes = [float(s) for s in sigmas], list[Tensor]()
    for i, (s, t) in enumerate(pairwise(sigmas)):
        denoised = model(x, s)
        slopes = [slope(x, denoised, s), *slopes[:3]]
        if t == 0:
            x = denoised
            continue
        for j, d in enumerate(slopes):
            basis = Polynomial([1.0])
            for k in range(len(slopes)):
                if k != j:
                    basis = basis * Polynomial([-nodes[i - k], 1.0]) / (nodes[i - j] - nodes[i - k])
            area = basis.integ()
            x = x + float(area(nodes[i + 1]) - area(nodes[i])) * d
    return x


def deis(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Exponential integrator of order 3 in variance-preserving time. Source: Zhang and Chen 2022, tAB-DEIS."""
    weights = _deis_weights([float(s) for s in sigmas])
    slopes: list[Tensor] = []
    for i, (s, t) in enumerate(pairwise(sigmas)):
        denoised = model(x, s)
        slopes = [slope(x, denoised, s), *slopes[:2]]
        if t <= 0:
            x = denoised
        elif i == 0:
            x = x + (t - s) * slopes[0]
        else:
            x = x + sum(w * d for w, d in zip(weights[i], slopes, strict=True))
    return x


def _deis_weights(sigmas: list[float]) -> list[list[float]]:
    """Return the weights of the newest, second and third slope for every step.

    The time map is that of a variance-preserving model with sigmas 0.002 to 80, whatever the model: a fixed part of the
    method as the reference has it. Integrals are sums over 10,000 points.
    """
    low, high, least, points = 0.002, 80.0, 1e-3, 10_000
    slope_of_beta = 2 * (math.log(low**2 + 1) / least - math.log(high**2 + 1)) / (least - 1)
    beta = math.log(high**2 + 1) - slope_of_beta / 2

    def time(sigma: float) -> float:
        return (math.sqrt(beta**2 + 2 * slope_of_beta * math.log(sigma**2 + 1)) - beta) / slope_of_beta

    times = [time(sigma) for sigma in sigmas]
    found: list[list[float]] = []
    for i, (here, there) in enumerate(pairwise(times)):
        order = min(i + 1, 3)
        tau = torch.linspace(here, there, points, dtype=torch.float64)
        log_alpha = -0.5 * tau**2 * slope_of_beta - tau * beta
        alpha = log_alpha.exp()
        integrand = -0.5 * (-tau * slope_of_beta - beta) / (alpha * (1 - alpha)).sqrt()
        row = []
        for j in range(order):
            basis = torch.ones_like(tau)
            for k in range(order):
                if k != j:
                    basis = basis * (tau - times[i - k]) / (times[i - j] - times[i - k])
            row.append(float((integrand * basis).sum() * (there - here) / points))
        found.append(row)
    return found


# --- exponential integrators in -ln sigma ----------------------------------------------------------------------------


def dpmpp_2m(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(2M) in the variance-exploding form. Source: Lu et al. 2022b."""
    before: Tensor | None = None
    for i, (s, t) in enumerate(pairwise(sigmas)):
        denoised = model(x, s)
        h = s.log() - t.log()
        guess = denoised
        if before is not None and t != 0:
            r = (sigmas[i - 1].log() - s.log()) / h
            guess = (1 + 1 / (2 * r)) * denoised - 1 / (2 * r) * before
        x = (t / s) * x - torch.expm1(-h) * guess
        before = denoised
    return x


def res_multistep(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Refined exponential solver, second order, multistep. Source: Zhang et al. 2023, algorithm 2."""
    return _res_multistep(model, x, sigmas, noise, eta=0.0)


def res_multistep_ancestral(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``res_multistep`` with fresh noise at every step."""
    return _res_multistep(model, x, sigmas, noise, eta=1.0)


def _res_multistep(
    model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise, *, eta: float, cfg_pp: bool = False
) -> Tensor:
    before: Tensor | None = None
    down_before: Tensor | None = None
    for i, (s, t) in enumerate(pairwise(sigmas)):
        denoised, direction = model.both(x, s) if cfg_pp else (model(x, s),) * 2
        down, up = _ancestral(s, t, eta)
        if down == 0 or before is None or down_before is None:
            x = denoised + slope(x, direction, s) * down
        else:
            x = x + denoised - direction
            here, there = -s.log(), -down.log()
            h = there - here
            c2 = (-sigmas[i - 1].log() + down_before.log()) / h
            phi1 = torch.expm1(-h) / -h
            phi2 = (phi1 - 1) / -h
            b1, b2 = torch.nan_to_num(phi1 - phi2 / c2), torch.nan_to_num(phi2 / c2)
            x = torch.exp(-h) * x + h * (b1 * direction + b2 * before)
        if t > 0 and up > 0:
            x = x + noise(s, t) * up
        before, down_before = direction, down
    return x


# --- ancestral samplers ----------------------------------------------------------------------------------------------


def _ancestral(s: Tensor, t: Tensor, eta: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return the sigma to go down to and the noise to add, variance-exploding, eta 0 or 1. Source: Song et al. 2021.

    ``down**2 + up**2 == t**2``. From a large ``s`` the last line subtracts two almost equal numbers, and what is left
    is their rounding, which every front end keeps; so this is float32 in the textbook's order, and with exact roots.
    """
    if not eta:
        return t, torch.zeros(())
    up = _root(t**2 * (s**2 - t**2) / s**2)
    up = min(t, up)  # in this order: from an infinite s the root is no number, and t is kept
    return _root(t**2 - up**2), up


def _root(x: Tensor) -> Tensor:
    """Return the float32 nearest to a square root; ``Tensor.sqrt`` is off by one on some processors."""
    return (x.double() ** 0.5).float()


class _Renoise(NamedTuple):
    """The way down and up again of a rectified-flow ancestral step with eta 1."""

    down: Tensor
    scale: Tensor
    noise: Tensor


def _renoise(s: Tensor, t: Tensor) -> _Renoise:
    down = t * (1 + (t / s - 1))
    scale = (1 - t) / (1 - down)
    return _Renoise(down, scale, (t**2 - down**2 * scale**2).sqrt())


def euler_ancestral(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Euler to below the next sigma, and noise back up to it. Source: Karras et al. 2022 in rectified flow."""
    for s, t in pairwise(sigmas):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        way = _renoise(s, t)
        x = (way.down / s) * x + (1 - way.down / s) * denoised
        x = way.scale * x + noise(s, t) * way.noise
    return x


def dpm_2_ancestral(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``dpm_2`` to below the next sigma, and noise back up to it."""
    for s, t in pairwise(sigmas):
        way = _renoise(s, t)
        x = _midpoint(model, x, s, way.down)
        if t > 0:
            x = way.scale * x + noise(s, t) * way.noise
    return x


def dpmpp_2s_ancestral(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(2S) to below the next sigma, and noise back up to it. Source: Lu et al. 2022b."""
    for s, t in pairwise(sigmas):
        denoised = model(x, s)
        way = _renoise(s, t)
        if way.down == 0:
            x = x + slope(x, denoised, s) * (way.down - s)
        else:
            middle = torch.tensor(0.9999) if s == 1 else sigma_of((lam(s) + lam(way.down)) / 2)
            u = (middle / s) * x + (1 - middle / s) * denoised
            x = (way.down / s) * x + (1 - way.down / s) * model(u, middle)
        if t > 0:
            x = way.scale * x + noise(s, t) * way.noise
    return x


def lcm(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Jump to the prediction and noise it again. Source: Luo et al. 2023, latent consistency models."""
    for s, t in pairwise(sigmas):
        x = model(x, s)
        if t > 0:
            x = t * noise(s, t) + (1 - t) * x
    return x


def ddpm(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """The ancestral sampler of Ho et al. 2020, in variance-preserving variables."""
    for s, t in pairwise(sigmas):
        denoised = model(x, s)
        here, there = 1 / (1 + s**2), 1 / (1 + t**2)
        alpha = here / there
        eps = (x - denoised) / s
        mean = (x / (1 + s**2).sqrt() - (1 - alpha) * eps / (1 - here).sqrt()) / alpha.sqrt()
        if t > 0:
            mean = mean + ((1 - alpha) * (1 - there) / (1 - here)).sqrt() * noise(s, t)
        x = mean * (1 + t**2).sqrt()
    return x


# --- stochastic solvers in lam ---------------------------------------------------------------------------------------


def dpmpp_2m_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SDE-DPM-Solver++(2M), midpoint. Source: Lu et al. 2022b."""
    return _dpmpp_2m_sde(model, x, sigmas, noise, heun=False)


def dpmpp_2m_sde_heun(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SDE-DPM-Solver++(2M) with the correction of Heun's method."""
    return _dpmpp_2m_sde(model, x, sigmas, noise, heun=True)


def _dpmpp_2m_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise, *, heun: bool) -> Tensor:
    before: Tensor | None = None
    h_before = torch.ones(())
    for s, t in pairwise(nudged(sigmas, model.shift)):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        h = lam(t) - lam(s)
        he = 2 * h  # eta is 1
        alpha = 1 - t
        x = (t / s) * torch.exp(-h) * x + alpha * -torch.expm1(-he) * denoised
        if before is not None:
            factor = torch.expm1(-he) / he + 1 if heun else -0.5 * torch.expm1(-he)
            x = x + alpha * factor * (h / h_before) * (denoised - before)
        x = x + noise(s, t) * t * (-torch.expm1(-2 * h)).sqrt()
        before, h_before = denoised, h
    return x


def dpmpp_3m_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SDE-DPM-Solver++(3M)."""
    history: list[tuple[Tensor, Tensor]] = []  # newest first: D and the step that followed it
    for s, t in pairwise(nudged(sigmas, model.shift)):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        h = lam(t) - lam(s)
        he = 2 * h
        alpha = 1 - t
        x = (t / s) * torch.exp(-h) * x + alpha * -torch.expm1(-he) * denoised
        phi2 = torch.expm1(-he) / he + 1
        if len(history) == 1:
            ((d1, h1),) = history
            x = x + alpha * phi2 * (denoised - d1) / (h1 / h)
        elif history:
            (d1, h1), (d2, h2) = history
            r0, r1 = h1 / h, h2 / h
            a, b = (denoised - d1) / r0, (d1 - d2) / r1
            first, second = a + (a - b) * r0 / (r0 + r1), (a - b) / (r0 + r1)
            x = x + alpha * phi2 * first - alpha * (phi2 / he - 0.5) * second
        x = x + noise(s, t) * t * (-torch.expm1(-2 * h)).sqrt()
        history = [(denoised, h), *history[:1]]
    return x


def dpmpp_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(S) with a midpoint and noise at both halves. Source: Lu et al. 2022b; r = 1/2."""
    for s, t in pairwise(nudged(sigmas, model.shift)):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        here, there = lam(s), lam(t)
        middle = here + (there - here) / 2
        sigma = sigma_of(middle)
        u = _ancestral_in_lam(x, denoised, here, middle, s, noise, sigma)
        x = _ancestral_in_lam(x, model(u, sigma), here, there, s, noise, t)
    return x


def _ancestral_in_lam(
    x: Tensor, denoised: Tensor, here: Tensor, there: Tensor, s: Tensor, noise: StepNoise, to: Tensor
) -> Tensor:
    down, up = _ancestral(torch.exp(-here), torch.exp(-there))
    h = -down.log() - here
    alpha = 1 - to
    return (alpha / (1 - s)) * torch.exp(-h) * x - alpha * torch.expm1(-h) * denoised + alpha * noise(s, to) * up


_ER_POINTS = 200


def er_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Extended reverse-time SDE solver of order 3. Source: Cui et al. 2023, ER-SDE-Solver-3."""
    sigmas = nudged(sigmas, model.shift)

    def ratio(sigma: Tensor) -> Tensor:  # sigma / alpha
        return sigma / (1 - sigma)

    def phi(level: Tensor) -> Tensor:
        return level * ((level**0.3).exp() + 10)

    before: Tensor | None = None
    change_before: Tensor | None = None
    for i, (s, t) in enumerate(pairwise(sigmas)):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        ls, lt = ratio(s), ratio(t)
        r = phi(lt) / phi(ls)
        alpha = 1 - t
        x = alpha / (1 - s) * r * x + alpha * (1 - r) * denoised
        if before is not None:
            dt = lt - ls
            width = -dt / _ER_POINTS
            points = lt + torch.arange(_ER_POINTS, dtype=torch.float32) * width
            total = (1 / phi(points)).sum() * width
            change = (denoised - before) / (ls - ratio(sigmas[i - 1]))
            x = x + alpha * (dt + total * phi(lt)) * change
            if change_before is not None:
                moment = ((points - ls) / phi(points)).sum() * width
                second = (change - change_before) / ((ls - ratio(sigmas[i - 2])) / 2)
                x = x + alpha * (dt**2 / 2 + moment * phi(lt)) * second
            change_before = change
        x = x + alpha * noise(s, t) * torch.nan_to_num((lt**2 - ls**2 * r**2).sqrt(), nan=0.0)
        before = denoised
    return x


def seeds_2(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SEEDS-2: two stages, noise shared between them. Source: Gonzalez et al. 2023."""
    return _two_stages(model, x, sigmas, noise, r=0.5, eta=1.0, heun=False)


def exp_heun_2_x0(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Exponential Heun of order 2 for the data prediction."""
    return _two_stages(model, x, sigmas, noise, r=1.0, eta=0.0, heun=True)


def exp_heun_2_x0_sde(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Exponential Heun of order 2 with noise."""
    return _two_stages(model, x, sigmas, noise, r=1.0, eta=1.0, heun=True)


def _two_stages(
    model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise, *, r: float, eta: float, heun: bool
) -> Tensor:
    for s, t in pairwise(nudged(sigmas, model.shift)):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        here, there = lam(s), lam(t)
        h = there - here
        he = h * (1 + eta)
        alpha = 1 - t
        middle = sigma_of(torch.lerp(here, there, r))
        u = (middle / s) * torch.exp(-r * h * eta) * x - (1 - middle) * torch.expm1(-r * he) * denoised
        drawn = torch.zeros(())
        if eta:
            drawn = (-torch.expm1(-2 * r * h * eta)).sqrt() * noise(s, middle)
            u = u + drawn * middle
        second = model(u, middle)
        if heun:
            b2 = ((torch.expm1(-he) + he) / -he) / r
            b1 = torch.expm1(-he) - b2
            x = (t / s) * torch.exp(-h * eta) * x - alpha * (b1 * denoised + b2 * second)
        else:
            mixed = torch.lerp(denoised, second, 1 / (2 * r))
            x = (t / s) * torch.exp(-h * eta) * x - alpha * torch.expm1(-he) * mixed
        if eta:
            fade = (r - 1) * h * eta
            drawn = drawn * torch.exp(fade) + (-torch.expm1(2 * fade)).sqrt() * noise(middle, t)
            x = x + drawn * t
    return x


def seeds_3(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """SEEDS-3: three stages at thirds. Source: Gonzalez et al. 2023."""
    r1, r2 = 1 / 3, 2 / 3

    def phi(z: Tensor) -> Tensor:
        return (torch.expm1(z) - z) / z

    for s, t in pairwise(nudged(sigmas, model.shift)):
        denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        here, there = lam(s), lam(t)
        h = there - here
        he = 2 * h
        one, two = sigma_of(torch.lerp(here, there, r1)), sigma_of(torch.lerp(here, there, r2))
        drawn = (-torch.expm1(-2 * r1 * h)).sqrt() * noise(s, one)
        u = (one / s) * torch.exp(-r1 * h) * x - (1 - one) * torch.expm1(-r1 * he) * denoised + drawn * one
        d2 = model(u, one)
        fade = (r1 - r2) * h
        drawn = drawn * torch.exp(fade) + (-torch.expm1(2 * fade)).sqrt() * noise(one, two)
        a32 = r2 / r1 * phi(-r2 * he)
        a31 = torch.expm1(-r2 * he) - a32
        u = (two / s) * torch.exp(-r2 * h) * x - (1 - two) * (a31 * denoised + a32 * d2) + drawn * two
        d3 = model(u, two)
        fade = (r2 - 1) * h
        drawn = drawn * torch.exp(fade) + (-torch.expm1(2 * fade)).sqrt() * noise(two, t)
        b3 = phi(-he) / r2
        b1 = torch.expm1(-he) - b3
        x = (t / s) * torch.exp(-h) * x - (1 - t) * (b1 * denoised + b3 * d3) + drawn * t
    return x


def sa_solver(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Stochastic Adams: predictor of order 3, corrector of order 4. Source: Xue et al. 2023."""
    return _sa_solver(model, x, sigmas, noise, evaluate_again=False)


def sa_solver_pece(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``sa_solver`` that asks the model again after each correction; two calls a step."""
    return _sa_solver(model, x, sigmas, noise, evaluate_again=True)


def _sa_solver(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise, *, evaluate_again: bool) -> Tensor:
    first, last = percent_to_sigma(0.2, model.shift), percent_to_sigma(0.8, model.shift)
    sigmas = nudged(sigmas, model.shift)
    lams = lam(sigmas)
    count = len(sigmas)
    predictions: list[Tensor] = []  # D at every sigma so far, the newest last
    begun = x  # x before the step that led here
    drawn: Tensor | float = 0.0

    def tau(sigma: Tensor) -> float:
        return 1.0 if first >= sigma >= last else 0.0

    def adams(nodes: Tensor, values: list[Tensor], s: Tensor, t: Tensor, level: float) -> Tensor:
        weights = _adams_weights(nodes, lam(s), lam(t), t, level)
        return sum(w * value for w, value in zip(weights, values, strict=True))

    for i, (s, t) in enumerate(pairwise(sigmas)):
        denoised = model(x, s)
        predictions = [*predictions, denoised][-4:]
        if i:
            before = sigmas[i - 1]
            level = tau(s)
            order = min(4, len(predictions), count - 1 - i)
            h = lams[i] - lams[i - 1]
            # the corrector repeats the step that led here, now with the prediction at its end
            x = (s / before) * torch.exp(-(level**2) * h) * begun
            x = x + adams(lams[i - order + 1 : i + 1], predictions[-order:], before, s, level) + drawn
            if evaluate_again:
                predictions[-1] = denoised = model(x, s)
        if t == 0:
            x = denoised
            continue
        level = tau(t)
        order = min(3, len(predictions), count - 2 - i)
        h = lams[i + 1] - lams[i]
        begun = x
        x = (t / s) * torch.exp(-(level**2) * h) * x
        x = x + adams(lams[i - order + 1 : i + 1], predictions[-order:], s, t, level)
        drawn = noise(s, t) * t * (-torch.expm1(-2 * level**2 * h)).sqrt() if level else 0.0
        x = x + drawn
    return x


def _adams_weights(nodes: Tensor, start: Tensor, end: Tensor, sigma: Tensor, tau: float) -> Tensor:
    """Return the weights of predictions at ``nodes`` (lams) for the step from ``start`` to ``end``.

    The integrals of (1 + tau^2) e^((1 + tau^2)(x - end)) x^p, p below the order, follow by parts; the
    Vandermonde system turns moments into weights.
    """
    order = len(nodes)
    m = 1 + tau**2
    powers = torch.arange(order, dtype=torch.float32)
    edge = end**powers - start**powers * torch.exp(-m * (end - start))
    parts = torch.zeros(order, order)
    for p in range(order):
        for q in range(p + 1):
            parts[p, q] = (-1) ** (p - q) * math.factorial(p) / math.factorial(q) * m ** (q - p)
    return (1 - sigma) * torch.linalg.solve(torch.vander(nodes, N=order, increasing=True).T, parts @ edge)


# --- UniPC -----------------------------------------------------------------------------------------------------------


def uni_pc(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Unified predictor-corrector of order 3, B1(h) = h. Source: Zhao et al. 2023."""
    return _uni_pc(model, x, sigmas, exponential=False)


def uni_pc_bh2(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Unified predictor-corrector of order 3, B2(h) = e^h - 1."""
    return _uni_pc(model, x, sigmas, exponential=True)


_UNI_PC_LAST = 0.001
"""What the last sigma of 0 is replaced by; the result is divided by 1 minus it."""


def _uni_pc(model: Model, x: Tensor, sigmas: Tensor, *, exponential: bool) -> Tensor:
    """Work in variance-preserving variables: x / sqrt(1 + s^2) = alpha data + sqrt(1 - alpha^2) noise.

    Levels are computed from ln alpha, as the paper's code does, to agree with it to float error.
    """
    scale = 1.0
    if sigmas[-1] == 0:
        sigmas = torch.cat((sigmas[:-1], torch.tensor([_UNI_PC_LAST])))
        scale = 1 - _UNI_PC_LAST
    alphas = 1 / (1 + sigmas**2).sqrt()
    variances = 1 - (2 * alphas.log()).exp()
    stds, levels = variances.sqrt(), alphas.log() - 0.5 * variances.log()
    steps = len(sigmas) - 1
    most = min(3, len(sigmas) - 2)
    x = x * alphas[0]
    predictions = [model(x / alphas[0], sigmas[0])]  # the newest last
    if most < 1:  # a single step: the reference leaves x as it is
        return x / alphas[-1] / scale
    for i in range(1, steps + 1):
        order = min(i, most, steps + 1 - i)
        h = levels[i] - levels[i - 1]
        ratios = [(levels[i - 1 - k] - levels[i - 1]) / h for k in range(1, order)]
        newest = predictions[-1]
        changes = [(predictions[-1 - k] - newest) / r for k, r in enumerate(ratios, start=1)]
        phi = torch.expm1(-h)
        b = torch.expm1(-h) if exponential else -h
        rows, right = _uni_pc_system([*ratios, torch.ones(())], -h, b)
        base = stds[i] / stds[i - 1] * x - alphas[i] * phi * newest
        guess = base
        if changes:
            half = torch.tensor([0.5])
            weights = half if order == 2 else torch.linalg.solve(rows[:-1, :-1], right[:-1])
            guess = base - alphas[i] * b * sum(w * c for w, c in zip(weights, changes, strict=True))
        if i == steps:
            x = guess
            break
        prediction = model(guess / alphas[i], sigmas[i])
        weights = torch.tensor([0.5]) if order == 1 else torch.linalg.solve(rows, right)
        changes.append(prediction - newest)
        x = base - alphas[i] * b * sum(w * c for w, c in zip(weights, changes, strict=True))
        predictions = [*predictions, prediction][-3:]
    return x / alphas[-1] / scale


def _uni_pc_system(ratios: list[Tensor], hh: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    rows, right = [], []
    points = torch.stack(ratios)
    phi = torch.expm1(hh) / hh - 1
    factorial = 1
    for k in range(1, len(ratios) + 1):
        rows.append(points ** (k - 1))
        right.append(phi * factorial / b)
        factorial *= k + 1
        phi = phi / hh - 1 / factorial
    return torch.stack(rows), torch.stack(right)


# --- DPM-Solver ------------------------------------------------------------------------------------------------------


def dpm_fast(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """As many evaluations as there are steps, in jumps of three; ends at the last sigma above 0.

    Only the ends of ``sigmas`` count: the jumps are even in log sigma. Source: Lu et al. 2022a, DPM-Solver-fast.
    """
    count = len(sigmas) - 1
    jumps = count // 3 + 1
    orders = [3] * (jumps - 2) + [2, 1] if count % 3 == 0 else [3] * (jumps - 1) + [count % 3]
    last = sigmas[-1] if sigmas[-1] > 0 else sigmas[-2]
    logs = torch.linspace(float(sigmas[0].log()), float(last.log()), jumps + 1)
    for order, (here, there) in zip(orders, pairwise(logs), strict=True):
        x = _dpm_solver(model, x, here, there, order)
    return x


def _dpm_solver(model: Model, x: Tensor, here: Tensor, there: Tensor, order: int) -> Tensor:
    """Take a step of DPM-Solver-1, 2 or 3 between two logs of sigma."""
    s, t, h = here.exp(), there.exp(), here - there
    d = slope(x, model(x, s), s)
    if order == 1:
        return x - t * torch.expm1(h) * d
    r1, r2 = (1 / 2, 1.0) if order == 2 else (1 / 3, 2 / 3)
    s1 = (here - r1 * h).exp()
    u = x - s1 * torch.expm1(r1 * h) * d
    change = slope(u, model(u, s1), s1) - d
    if order == 2:
        return x - t * torch.expm1(h) * (d + change / (2 * r1))
    s2 = (here - r2 * h).exp()
    u = x - s2 * torch.expm1(r2 * h) * d - s2 * r2 / r1 * (torch.expm1(r2 * h) / (r2 * h) - 1) * change
    change = slope(u, model(u, s2), s2) - d
    return x - t * torch.expm1(h) * d - t / r2 * (torch.expm1(h) / h - 1) * change


# --- CFG++: the direction comes from the unguided prediction ---------------------------------------------------------


def euler_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Euler with CFG++. Source: Chung et al. 2024."""
    return _euler_cfg_pp(model, x, sigmas, noise, eta=0.0)


def euler_ancestral_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Ancestral Euler with CFG++."""
    return _euler_cfg_pp(model, x, sigmas, noise, eta=1.0)


def _euler_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise, *, eta: float) -> Tensor:
    for s, t in pairwise(sigmas):
        denoised, unguided = model.both(x, s)
        if t == 0:
            x = denoised
            continue
        d = (x - (1 - s) * unguided) / s
        alpha = 1 - t
        down, up = _ancestral(s / (1 - s), t / alpha, eta)
        x = alpha * denoised + alpha * down * d
        if eta:
            x = x + alpha * noise(s, t) * up
    return x


def dpmpp_2s_ancestral_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(2S) with CFG++; its noise is variance-exploding, in the reference too."""
    for s, t in pairwise(sigmas):
        denoised, unguided = model.both(x, s)
        down, up = _ancestral(s, t)
        if down == 0:
            x = denoised
        else:
            h = s.log() - down.log()
            middle = (s.log() - h / 2).exp()
            u = middle / s * (x + denoised - unguided) - torch.expm1(-h / 2) * denoised
            later, unguided = model.both(u, middle)
            x = down / s * (x + denoised - unguided) - torch.expm1(-h) * later
        if t > 0:
            x = x + noise(s, t) * up
    return x


def dpmpp_2m_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """DPM-Solver++(2M) with CFG++."""
    before: Tensor | None = None
    for i, (s, t) in enumerate(pairwise(sigmas)):
        denoised, unguided = model.both(x, s)
        h = s.log() - t.log()
        mix = -torch.exp(-h) * unguided
        if before is not None and t != 0:
            r = (sigmas[i - 1].log() - s.log()) / h
            mix = mix - torch.expm1(-h) * (denoised - before) / (2 * r)
        x = denoised + mix + torch.exp(-h) * x
        before = unguided
    return x


def res_multistep_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``res_multistep`` with CFG++."""
    return _res_multistep(model, x, sigmas, noise, eta=0.0, cfg_pp=True)


def res_multistep_ancestral_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``res_multistep_ancestral`` with CFG++."""
    return _res_multistep(model, x, sigmas, noise, eta=1.0, cfg_pp=True)


def gradient_estimation_cfg_pp(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """``gradient_estimation`` with CFG++."""
    before: Tensor | None = None
    for s, t in pairwise(sigmas):
        denoised, unguided = model.both(x, s)
        d = slope(x, unguided, s)
        if t == 0:
            x = denoised
        else:
            x = denoised + d * t
            if before is not None:
                x = x + (d - before) * (t - s)
        before = d
    return x


Sampler = Callable[[Model, Tensor, Tensor, StepNoise], Tensor]

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
