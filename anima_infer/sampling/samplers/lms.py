"""Linear multistep over unequal steps."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from anima_infer.sampling.noise import StepNoise
from anima_infer.sampling.samplers.steps import Model, slope


def lms(model: Model, x: Tensor, sigmas: Tensor, noise: StepNoise) -> Tensor:
    """Linear multistep of order 4 over the true sigmas: Lagrange polynomials, integrated exactly."""
    from numpy.polynomial import Polynomial

    nodes, slopes = [float(sigma) for sigma in sigmas], list[Tensor]()
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = model(x, sigma)
        slopes = [slope(x, denoised, sigma), *slopes[:3]]
        if sigma_next == 0:
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
