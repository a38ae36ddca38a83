"""Inference for the Anima text-to-image model: loading, sampling, rendering, A/B grids, in small readable files.

>>> from anima_infer.sampling.schedule import sigmas_for
>>> [round(sigma, 4) for sigma in sigmas_for(4).tolist()]
[1.0, 0.9, 0.75, 0.5, 0.0]
"""
